/// A file descriptor that closes itself. All descriptors are owned by one.
#pragma once

#include <filesystem>
#include <utility>

namespace cape {

class FileHandle {
 public:
  FileHandle() = default;
  explicit FileHandle(int fd) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(other.release()) {}
  FileHandle& operator=(FileHandle&& other) noexcept;
  ~FileHandle() { close(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  void close();
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// open(2) with O_CLOEXEC and the usual permissions. When it fails, the handle
/// is not open and errno is set.
FileHandle open_file(const std::filesystem::path& path, int flags);

}  // namespace cape
