#include "shard/checksum.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string_view>

#include "core/error.h"
#include "core/hash.h"

namespace cape::shard {
namespace {

constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
constexpr std::string_view kLabel = "\nCAPE XXH3-128 ";
constexpr std::uint64_t kLineSize = kLabel.size() + 32 + 1;
constexpr std::uint64_t kBlockSize = 1 << 18;

std::string read_at(std::ifstream& file, std::uint64_t offset,
                    std::uint64_t size) {
  std::string bytes(size, '\0');
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(bytes.data(), static_cast<std::streamsize>(size));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  file.clear();
  return bytes;
}

std::string hash_of_first(std::ifstream& file, std::uint64_t size) {
  ContentHasher hasher;
  for (std::uint64_t at = 0; at < size; at += kBlockSize) {
    const std::string block =
        read_at(file, at, std::min(kBlockSize, size - at));
    hasher.update(block.data(), block.size());
  }
  return hasher.digest();
}

}  // namespace

void append_checksum(std::string& image) {
  const std::string hash = content_hash(image);
  image.append(kLabel).append(hash).append("\n");
}

PinnedFile::PinnedFile(const std::filesystem::path& path)
    : file_(open_file(path, O_RDONLY | O_NONBLOCK)) {
  if (!file_.is_open()) {
    fail_user("{}: cannot be read ({})", path.string(), errno_text(errno));
  }
  if (!std::filesystem::is_regular_file(this->path())) {
    fail_user("{}: no regular file; name a shard or a folder of shards",
              path.string());
  }
}

std::filesystem::path PinnedFile::path() const {
  return fmt::format("/proc/self/fd/{}", file_.get());
}

Content check_content(const PinnedFile& pinned, const std::string& name) {
  std::ifstream file(pinned.path(), std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::uint64_t>(file.tellg());
  if (size == 0) {
    fail_user("{}: empty file; remove it, the farm computes its rows anew",
              name);
  }
  if (read_at(file, 0, kSignature.size()) != kSignature) {
    fail_user(
        "{}: no HDF5 file (it does not begin with the HDF5 signature); name "
        "only files that cape_farm wrote",
        name);
  }
  if (size < kLineSize) return {size, false};
  const std::uint64_t content_size = size - kLineSize;
  const std::string line = read_at(file, content_size, kLineSize);
  if (!line.starts_with(kLabel)) return {size, false};
  if (line.substr(kLabel.size(), 32) != hash_of_first(file, content_size)) {
    fail_user(
        "{}: damaged shard (its content does not match its checksum); move it "
        "away and run the farm again, which computes its rows anew",
        name);
  }
  return {content_size, true};
}

}  // namespace cape::shard
