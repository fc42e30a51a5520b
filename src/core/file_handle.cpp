#include "core/file_handle.h"

#include <fcntl.h>
#include <unistd.h>

namespace cape {

FileHandle& FileHandle::operator=(FileHandle&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

void FileHandle::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

FileHandle open_file(const std::filesystem::path& path, int flags) {
  return FileHandle(::open(path.c_str(), flags | O_CLOEXEC, 0666));
}

}  // namespace cape
