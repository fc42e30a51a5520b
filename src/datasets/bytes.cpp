#include "datasets/bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "core/error.h"
#include "core/file_handle.h"

namespace cape::datasets {
namespace {

[[noreturn]] void fail_unreadable(const std::filesystem::path& path,
                                  int error) {
  fail_user("cannot read {}: {}", path.string(), errno_text(error));
}

}  // namespace

Bytes::Bytes(std::vector<std::uint8_t> values) : size_(values.size()) {
  const auto owner =
      std::make_shared<const std::vector<std::uint8_t>>(std::move(values));
  data_ = {owner, owner->data()};
}

Bytes map_file(const std::filesystem::path& path) {
  // Opening a pipe would wait for its writer.
  const FileHandle file = open_file(path, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (!file.is_open() || ::fstat(file.get(), &status) != 0) {
    fail_unreadable(path, errno);
  }
  if (S_ISDIR(status.st_mode)) fail_unreadable(path, EISDIR);
  if (!S_ISREG(status.st_mode)) {
    fail_user(
        "cannot read {}: a pipe or a device, not a regular file; put a file "
        "there",
        path.string());
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return {};  // an empty file cannot be mapped
  void* const start =
      ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (start == MAP_FAILED) fail_unreadable(path, errno);
  const auto unmap = [size](const std::uint8_t* begin) {
    ::munmap(const_cast<std::uint8_t*>(begin), size);
  };
  return {{static_cast<const std::uint8_t*>(start), unmap}, size};
}

}  // namespace cape::datasets
