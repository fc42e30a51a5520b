#include "core/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/error.h"

namespace cape {
namespace {

class FileDescriptor {
 public:
  FileDescriptor(const std::filesystem::path& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  bool ok() const { return fd_ >= 0; }
  bool sync() const { return ::fsync(fd_) == 0; }
  bool read_all(std::string& bytes) const {
    std::array<char, 1 << 16> buffer;
    while (true) {
      const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return got == 0;
      bytes.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  bool write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

 private:
  int fd_;
};

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  const FileDescriptor file(path, O_RDONLY);
  std::string bytes;
  if (!file.ok() || !file.read_all(bytes)) {
    fail_user("cannot read {}: {}", path.string(), errno_text(errno));
  }
  return bytes;
}

void publish_file(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path temporary =
      path.parent_path() /
      fmt::format(".{}.{}.tmp", path.filename().string(), ::getpid());
  const auto give_up = [&](const char* action) {
    const int error_number = errno;
    ::unlink(temporary.c_str());
    throw StoppedError(fmt::format(
        "cannot {} {} ({} bytes): {}; what was published before is unharmed, "
        "make room or choose another --out and run the same command again",
        action, path.string(), bytes.size(), errno_text(error_number)));
  };
  {
    const FileDescriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.ok()) give_up("create");
    if (!file.write(bytes)) give_up("write");
    if (!file.sync()) give_up("sync");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up("rename");
  const std::filesystem::path parent =
      path.has_parent_path() ? path.parent_path() : ".";
  const FileDescriptor directory(parent, O_RDONLY | O_DIRECTORY);
  // The data is safe by now; some network file systems cannot sync a directory.
  if (directory.ok()) (void)directory.sync();
}

std::filesystem::path executable_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace cape
