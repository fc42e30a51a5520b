#include "datasets/array_file.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/utf8.h"
#include "datasets/gzip.h"
#include "datasets/hdf5_array.h"
#include "datasets/idx.h"
#include "datasets/mat5.h"
#include "datasets/npy.h"
#include "datasets/npz.h"

namespace cape::datasets {
namespace {

namespace fs = std::filesystem;

// Own files may be of any size; what they unpack to is bound by their own size.
constexpr std::size_t kNoLimit = std::size_t{1} << 46;

bool has_at(const Bytes& bytes, std::size_t at, std::string_view wanted) {
  return bytes.size() >= at + wanted.size() &&
         std::string_view(reinterpret_cast<const char*>(bytes.data()) + at,
                          wanted.size()) == wanted;
}

/// HDF5's signature may follow a block of 512, 1024, ... bytes of another
/// program, as in MATLAB's files.
bool is_hdf5(const Bytes& bytes) {
  constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
  bool found = has_at(bytes, 0, kSignature);
  for (std::size_t at = 512; !found && at < bytes.size(); at *= 2)
    found = has_at(bytes, at, kSignature);
  return found;
}

/// Empty for an unknown format.
std::string format_of(const Bytes& bytes) {
  if (has_at(bytes, 0, "\x93NUMPY")) return "npy";
  // The second is an empty zip file.
  if (has_at(bytes, 0, "PK\3\4") || has_at(bytes, 0, "PK\5\6")) return "npz";
  if (is_hdf5(bytes)) return "hdf5";
  if (is_mat5(bytes)) return "mat";
  if (is_idx(bytes)) return "idx";
  return {};
}

/// Files of other kinds, by their first bytes.
struct OtherFormat {
  std::string_view begin, what, advice;
};
constexpr std::string_view kPickle =
    "numpy.save('x.npy', numpy.asarray(pickle.load(open(FILE, 'rb'))))";
constexpr std::string_view kUnpack = "unpack it, or compress it by gzip";
constexpr std::string_view kDownload = "download the file itself";
constexpr OtherFormat kOtherFormats[] = {
    {"PAR1", "a Parquet file",
     "numpy.save('x.npy', pandas.read_parquet(FILE).to_numpy())"},
    {"ARROW1", "a Feather file",
     "numpy.save('x.npy', pandas.read_feather(FILE).to_numpy())"},
    {"\x80\2", "a pickle of Python", kPickle},
    {"\x80\3", "a pickle of Python", kPickle},
    {"\x80\4", "a pickle of Python", kPickle},
    {"\x80\5", "a pickle of Python", kPickle},
    {"BZh", "compressed by bzip2", kUnpack},
    {"\xfd"
     "7zXZ",
     "compressed by xz", kUnpack},
    {"\x28\xb5\x2f\xfd", "compressed by zstd", kUnpack},
    {"\x1f\x8b", "compressed by gzip twice", "unpack it once"},
    {"version https://git-lfs", "a pointer of Git LFS in place of the file",
     "fetch the file: git lfs pull"},
    {"<!DOCTYPE", "a web page", kDownload},
    {"<!doctype", "a web page", kDownload},
    {"<html", "a web page", kDownload}};

[[noreturn]] void fail_unknown(const File& file) {
  if (file.bytes.empty()) fail_user("{}: an empty file", file.name);
  for (const auto& [first, what, advice] : kOtherFormats) {
    if (!has_at(file.bytes, 0, first)) continue;
    fail_user("{}: the file is {}, but only the formats {} can be read; {}",
              file.name, what, fmt::join(array_formats(), ", "), advice);
  }
  if (is_mat4(file.bytes)) {
    fail_user(
        "{}: a MATLAB file of version 4, which is not read; save it again: in "
        "MATLAB without -v4, in Python by scipy.io.savemat without format='4'",
        file.name);
  }
  const Bytes begin =
      file.bytes.part(0, std::min<std::size_t>(file.bytes.size(), 32));
  const bool is_text = std::ranges::all_of(begin, [](std::uint8_t c) {
    return c >= ' ' || c == '\t' || c == '\n' || c == '\r';
  });
  if (is_text) {
    const std::string text(begin.begin(), begin.end());
    fail_user(
        "{}: a text that begins with '{}', which is none of the formats {}; "
        "save its numbers as arrays, those of the labels by themselves: "
        "numpy.save('x.npy', numpy.loadtxt(FILE, delimiter=',', skiprows=1)), "
        "where skiprows=1 leaves out a line of names",
        file.name, escape_non_utf8(text.substr(0, text.find_first_of("\r\n"))),
        fmt::join(array_formats(), ", "));
  }
  fail_user(
      "{}: begins with the bytes {:02x}, which is none of the formats {}; save "
      "it with numpy.save, or give format: cifar-bin if it holds records like "
      "CIFAR-10's",
      file.name, fmt::join(begin.part(0, std::min(begin.size(), 8UL)), " "),
      fmt::join(array_formats(), ", "));
}

struct Place {
  std::string file;
  std::string array = {};  ///< its name in the file; empty if none is given
};

/// Names of files and of arrays may have colons, so the disk says where the
/// name of the file ends.
Place split(const std::string& place) {
  std::error_code error;
  if (fs::exists(place, error)) return {place};
  for (std::size_t colon = place.rfind(':'); colon != place.npos && colon > 0;
       colon = place.rfind(':', colon - 1)) {
    const std::string file = place.substr(0, colon);
    if (fs::exists(file, error)) return {file, place.substr(colon + 1)};
  }
  return {place};
}

StoredArray read_format(const File& file, const std::string& name,
                        bool on_disk) {
  const std::string format = format_of(file.bytes);
  if (format.empty()) fail_unknown(file);
  if (format == "npz") return {parse_npz(file, name), format};
  if (format == "mat") return {parse_mat5(file, name, kNoLimit), format};
  if (format == "hdf5") {
    Hdf5Array read = read_hdf5_array(file, on_disk, name);
    return {std::move(read.array), read.from_matlab ? "mat" : format};
  }
  if (!name.empty()) {
    fail_user("{}: an {} file is one array without a name; remove ':{}'",
              file.name, format, name);
  }
  return {format == "npy" ? parse_npy(file) : parse_idx(file), format};
}

}  // namespace

const std::vector<std::string>& array_formats() {
  static const std::vector<std::string> kFormats = {"npy", "npz", "idx", "hdf5",
                                                    "mat"};
  return kFormats;
}

File open_own_file(const std::string& path) {
  return {path, read_plain_or_gzip(path, kNoLimit)};
}

StoredArray read_array_file(const std::string& place) {
  const auto [path, name] = split(place);
  const File file = open_own_file(path);
  const Bytes raw = map_file(path);
  const bool on_disk = !has_gzip_header({raw.data(), raw.size()});
  StoredArray stored = read_format(file, name, on_disk);
  const std::vector<std::int64_t>& shape = stored.array.shape;
  if (stored.format == "mat" && shape.size() > 1) {
    stored.note = fmt::format(
        "{}: MATLAB stores arrays column by column; it was turned round and is "
        "{}, as MATLAB shows it",
        place, fmt::join(shape, " x "));
  }
  return stored;
}

std::string choose_array(const std::string& file, const std::string& wanted,
                         const std::vector<std::string>& names) {
  if (names.empty()) fail_user("{}: holds no array of numbers", file);
  if (wanted.empty() && names.size() == 1) return names.front();
  if (std::ranges::find(names, wanted) != names.end()) return wanted;
  constexpr std::size_t kMostNames = 20;
  std::vector<std::string> shown = names;
  if (shown.size() > kMostNames) {
    shown.resize(kMostNames);
    shown.push_back(fmt::format("and {} more", names.size() - kMostNames));
  }
  for (std::string& one : shown) one = escape_non_utf8(one);
  if (wanted.empty()) {
    fail_user("{}: holds several arrays ({}); name one: {}:{}", file,
              fmt::join(shown, ", "), file, shown.front());
  }
  fail_user("{}: holds no array '{}'; it holds {}", file, wanted,
            fmt::join(shown, ", "));
}

}  // namespace cape::datasets
