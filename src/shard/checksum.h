/// The checksum at the end of a shard, after the end of its HDF5 content.
/// HDF5 crashes or hangs on some damaged files, so they must not reach it.
/// Private to this folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/file_handle.h"

namespace cape::shard {

/// Appends the line "\nCAPE XXH3-128 <32 hex digits>\n", the hash of all
/// before it.
void append_checksum(std::string& image);

/// A file held open: its path() means this very file, even when another is
/// renamed to the path that it was opened with.
class PinnedFile {
 public:
  /// Throws UserError when there is no such regular file.
  explicit PinnedFile(const std::filesystem::path& path);

  std::filesystem::path path() const;

 private:
  FileHandle file_;
};

struct Content {
  std::uint64_t size;  ///< of the HDF5 content
  bool has_checksum;
};

/// Throws UserError, naming the file as `name`, when it is empty, no HDF5 file,
/// or does not match its checksum. A file without checksum (one edited in
/// Python) is taken for HDF5 content as a whole.
Content check_content(const PinnedFile& file, const std::string& name);

}  // namespace cape::shard
