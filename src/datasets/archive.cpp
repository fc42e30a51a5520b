#include "datasets/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

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

/// libarchive turns names into the character set of the locale, and programs
/// begin with one that has ASCII alone.
class Utf8Locale {
 public:
  Utf8Locale()
      : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)),
        before_(locale_ == nullptr ? nullptr : ::uselocale(locale_)) {}
  ~Utf8Locale() {
    if (locale_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  ::locale_t locale_;
  ::locale_t before_;
};

}  // namespace

Archive::Archive(const std::filesystem::path& path)
    : Archive({path.string(), read_plain_or_gzip(path, kMostBytes)},
              Kind::tar) {}

Archive::Archive(const File& file, Kind kind)
    : path_(file.name),
      kind_(kind),
      bytes_(file.bytes),
      archive_(archive_read_new()) {
  if (kind == Kind::tar) {
    archive_read_support_format_tar(archive_);
  } else {
    // The sizes of members are in the directory at the end.
    archive_read_support_format_zip_seekable(archive_);
  }
  if (archive_read_open_memory(archive_, bytes_.data(), bytes_.size()) !=
      ARCHIVE_OK) {
    const std::string problem = error_text();
    archive_read_free(archive_);
    fail_user("cannot read {} as a {}: {}", path_, kind_text(), problem);
  }
}

Archive::~Archive() { archive_read_free(archive_); }

const char* Archive::kind_text() const {
  return kind_ == Kind::tar ? ".tar.gz" : ".zip";
}

std::string Archive::error_text() const {
  const char* const text = archive_error_string(archive_);
  return text ? text : fmt::format("no {}", kind_text());
}

void Archive::check(int status) const {
  if (status == ARCHIVE_OK || status == ARCHIVE_EOF) return;
  fail_user("{}: damaged ({}); copy or download it again", path_, error_text());
}

bool Archive::next() {
  const Utf8Locale names_of_any_script;
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
          "which no file of data has; make or download it again",
          path_, member_);
    }
    if (type == AE_IFREG) return true;
  }
}

std::vector<std::uint8_t> Archive::read(std::size_t limit) {
  const auto size = static_cast<std::size_t>(archive_entry_size(entry_));
  if (size > limit) {
    fail_user(
        "{}: its member '{}' says that it has {} bytes, but no sound file here "
        "has more than {}; copy or download it again",
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
