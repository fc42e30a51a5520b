#include "datasets/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>

#include "core/error.h"
#include "datasets/gzip.h"

namespace cape::datasets {
namespace {

// All known data sets are smaller when they are unpacked.
constexpr std::size_t kMostBytes = std::size_t{1} << 30;

bool leaves_the_archive(const std::filesystem::path& name) {
  return name.is_absolute() ||
         std::find(name.begin(), name.end(), "..") != name.end();
}

}  // namespace

Archive::Archive(const std::filesystem::path& path)
    : path_(path.string()),
      bytes_(read_plain_or_gzip(path, kMostBytes)),
      archive_(archive_read_new()) {
  archive_read_support_format_tar(archive_);
  if (archive_read_open_memory(archive_, bytes_.data(), bytes_.size()) !=
      ARCHIVE_OK) {
    const std::string problem = error_text();
    archive_read_free(archive_);
    fail_user("cannot read {} as a .tar.gz: {}", path_, problem);
  }
}

Archive::~Archive() { archive_read_free(archive_); }

std::string Archive::error_text() const {
  const char* const text = archive_error_string(archive_);
  return text ? text : "no .tar.gz";
}

void Archive::check(int status) const {
  if (status == ARCHIVE_OK || status == ARCHIVE_EOF) return;
  fail_user("{}: damaged ({}); copy or download it again", path_, error_text());
}

bool Archive::next() {
  while (true) {
    const int status = archive_read_next_header(archive_, &entry_);
    check(status);
    if (status == ARCHIVE_EOF) return false;
    const char* const name = archive_entry_pathname(entry_);
    member_ = name ? name : "";
    const auto type = archive_entry_filetype(entry_);
    const bool link = archive_entry_hardlink(entry_) != nullptr;
    if (leaves_the_archive(member_) || link ||
        (type != AE_IFREG && type != AE_IFDIR)) {
      fail_user(
          "{}: its member '{}' is a link, a device, or outside of the archive, "
          "which no official file has; download it again",
          path_, member_);
    }
    if (type == AE_IFREG) return true;
  }
}

std::vector<std::uint8_t> Archive::read(std::size_t limit) {
  const auto size = static_cast<std::size_t>(archive_entry_size(entry_));
  if (size > limit) {
    fail_user(
        "{}: its member '{}' has {} bytes, but no official file of this data "
        "set has more than {}",
        path_, member_, size, limit);
  }
  std::vector<std::uint8_t> bytes(size);
  std::size_t got = 0;
  while (got < size) {
    const auto count =
        archive_read_data(archive_, bytes.data() + got, size - got);
    if (count < 0) check(ARCHIVE_FATAL);
    if (count <= 0) break;
    got += static_cast<std::size_t>(count);
  }
  if (got < size) fail_user("{}: ends within its member '{}'", path_, member_);
  return bytes;
}

}  // namespace cape::datasets
