#include "datasets/bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/error.h"

namespace cape::datasets {
namespace {

[[noreturn]] void fail_unreadable(const std::filesystem::path& path,
                                  int error) {
  fail_user("cannot read {}: {}", path.string(), errno_text(error));
}

/// A descriptor that is closed at the end of its scope.
struct Descriptor {
  explicit Descriptor(const std::filesystem::path& path)
      : number(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (number < 0) fail_unreadable(path, errno);
  }
  ~Descriptor() { ::close(number); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number;
};

}  // namespace

Bytes::Bytes(std::vector<std::uint8_t> values) : size_(values.size()) {
  const auto owner =
      std::make_shared<const std::vector<std::uint8_t>>(std::move(values));
  data_ = {owner, owner->data()};
}

Bytes map_file(const std::filesystem::path& path) {
  const Descriptor file(path);
  struct stat status {};
  if (::fstat(file.number, &status) != 0) fail_unreadable(path, errno);
  if (S_ISDIR(status.st_mode)) fail_unreadable(path, EISDIR);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return {};  // which cannot be mapped
  void* const start =
      ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number, 0);
  if (start == MAP_FAILED) fail_unreadable(path, errno);
  const auto unmap = [size](const std::uint8_t* begin) {
    ::munmap(const_cast<std::uint8_t*>(begin), size);
  };
  return {{static_cast<const std::uint8_t*>(start), unmap}, size};
}

}  // namespace cape::datasets
