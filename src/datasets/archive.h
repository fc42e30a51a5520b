/// The members of a .tar.gz, one after the other; nothing is unpacked to disk.
/// It is in memory whole as long as the Archive is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/bytes.h"

struct archive;
struct archive_entry;

namespace cape::datasets {

/// Throws UserError naming the file: unreadable, damaged, not a .tar.gz, or
/// with members that no data set has (links, devices, absolute names, "..").
class Archive {
 public:
  explicit Archive(const std::filesystem::path& path);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  /// Goes to the next regular file; false at the end.
  bool next();

  /// Its name in the archive.
  const std::string& member() const { return member_; }

  /// Its contents, once. Throws UserError when there are more than `limit`.
  std::vector<std::uint8_t> read(std::size_t limit);

 private:
  void check(int status) const;
  std::string error_text() const;

  std::string path_;
  std::string member_;
  Bytes bytes_;  ///< unpacked
  ::archive* archive_;
  ::archive_entry* entry_ = nullptr;
};

}  // namespace cape::datasets
