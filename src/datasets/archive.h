/// Reads the members of a .tar.gz or of a .zip one after the other. Nothing is
/// unpacked to disk: the whole archive is in memory or mapped as long as the
/// Archive exists.
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

/// Throws UserError, which names the file: unreadable, damaged, of another
/// kind, or with members that no data set has (links, devices, absolute names,
/// "..").
class Archive {
 public:
  enum class Kind { tar, zip };

  /// The .tar.gz at `path`, which may be a plain .tar.
  explicit Archive(const std::filesystem::path& path);
  Archive(const File& file, Kind kind);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  /// Goes to the next regular file; false at the end.
  bool next();

  /// The name of the current member in the archive.
  const std::string& member() const { return member_; }

  /// The contents of the current member; may be called once. Throws UserError
  /// when they have more than `limit` bytes.
  std::vector<std::uint8_t> read(std::size_t limit);

 private:
  void check(int status) const;
  const char* kind_text() const;
  std::string error_text() const;

  std::string path_;
  Kind kind_;
  std::string member_;
  Bytes bytes_;  ///< unpacked
  ::archive* archive_;
  ::archive_entry* entry_ = nullptr;
};

}  // namespace cape::datasets
