#include "core/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/error.h"
#include "core/file_handle.h"
#include "core/utf8.h"

namespace cape {
namespace {

bool read_all(const FileHandle& file, std::string& bytes) {
  std::array<char, 1 << 16> buffer;
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

bool write_all(const FileHandle& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

bool sync(const FileHandle& file) { return ::fsync(file.get()) == 0; }

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  const FileHandle file = open_file(path, O_RDONLY);
  std::string bytes;
  if (!file.is_open() || !read_all(file, bytes)) {
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
  // A file that a killed process left, or that somebody put there, is never
  // written to.
  ::unlink(temporary.c_str());
  {
    const FileHandle file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    if (!file.is_open()) give_up("create");
    if (!write_all(file, bytes)) give_up("write");
    if (!sync(file)) give_up("sync");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up("rename");
  const std::filesystem::path parent =
      path.has_parent_path() ? path.parent_path() : ".";
  const FileHandle directory = open_file(parent, O_RDONLY | O_DIRECTORY);
  // The data is safe by now; some network file systems cannot sync a directory.
  if (directory.is_open()) (void)sync(directory);
}

std::filesystem::path absolute_path(const std::filesystem::path& path) {
  std::filesystem::path absolute = std::filesystem::absolute(path);
  require_utf8(absolute.string(), "a path");
  return absolute;
}

std::filesystem::path executable_directory() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

std::filesystem::path data_directory() {
  return (executable_directory() / CAPE_DATA_FROM_PROGRAMS).lexically_normal();
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace cape
