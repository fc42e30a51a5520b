#include "datasets/npy.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace cape::datasets {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// The content of the header's dictionary.
struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

/// Reads the dictionary, in which numpy writes three keys; nothing if it has
/// another form.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  std::optional<Header> read() {
    Header header;
    if (!take('{')) return std::nullopt;
    while (!take('}')) {
      const auto key = text();
      if (!key || !take(':') || !read_value(*key, header)) return std::nullopt;
      if (!take(',') && !peek('}')) return std::nullopt;
    }
    skip_spaces();
    if (!text_.empty()) return std::nullopt;
    if (!header.descr || !header.fortran_order || !header.shape) {
      return std::nullopt;
    }
    return header;
  }

 private:
  void skip_spaces() {
    const std::size_t spaces = text_.find_first_not_of(" \t\n\r");
    text_.remove_prefix(std::min(spaces, text_.size()));
  }

  bool peek(char c) {
    skip_spaces();
    return !text_.empty() && text_.front() == c;
  }

  bool take(char c) {
    if (!peek(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool take(std::string_view word) {
    skip_spaces();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }

  std::optional<std::string> text() {
    const char quote = peek('"') ? '"' : '\'';
    if (!take(quote)) return std::nullopt;
    const std::size_t end = text_.find(quote);
    if (end == std::string_view::npos) return std::nullopt;
    std::string found(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return found;
  }

  /// The list of a structured type's fields, which is skipped.
  std::optional<std::string> structure() {
    const std::size_t end = text_.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    text_.remove_prefix(end + 1);
    return "a structure";
  }

  bool read_value(const std::string& key, Header& header) {
    if (key == "descr") {
      header.descr = peek('[') ? structure() : text();
      return header.descr.has_value();
    }
    if (key == "fortran_order") {
      if (take("True")) {
        header.fortran_order = true;
      } else if (take("False")) {
        header.fortran_order = false;
      }
      return header.fortran_order.has_value();
    }
    return key == "shape" && read_shape(header.shape.emplace());
  }

  bool read_shape(std::vector<std::int64_t>& shape) {
    if (!take('(')) return false;
    while (!take(')')) {
      skip_spaces();
      std::int64_t extent = 0;
      const auto [end, error] =
          std::from_chars(text_.data(), text_.data() + text_.size(), extent);
      if (error != std::errc{} || extent < 0) return false;
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      (void)take('L');  // as Python 2 wrote it
      shape.push_back(extent);
      if (!take(',') && !peek(')')) return false;
    }
    return true;
  }

  std::string_view text_;
};

std::optional<ElementType> type_of(std::string_view descr) {
  using enum ElementType;
  static constexpr std::pair<std::string_view, ElementType> kTypes[] = {
      {"b1", boolean}, {"u1", uint8},   {"i1", int8},    {"u2", uint16},
      {"i2", int16},   {"u4", uint32},  {"i4", int32},   {"u8", uint64},
      {"i8", int64},   {"f2", float16}, {"f4", float32}, {"f8", float64}};
  if (descr.size() != 3 ||
      std::string_view("<>|=").find(descr.front()) == descr.npos) {
    return std::nullopt;
  }
  for (const auto& [name, type] : kTypes) {
    if (descr.substr(1) == name) return type;
  }
  return std::nullopt;
}

/// What elements of a type that is not taken are, and what to do.
std::pair<std::string_view, std::string_view> other_type(
    std::string_view descr) {
  switch (descr.size() > 1 ? descr[1] : '\0') {
    case 'c':
      return {"complex numbers",
              "save their parts side by side: numpy.concatenate([array.real, "
              "array.imag], -1)"};
    case 'O':
      return {"objects of Python",
              "they are often rows of different lengths: make these equally "
              "long, and save array.astype('float32')"};
    case 'S':
    case 'U':
      return {"texts",
              "save a number for each: numpy.unique(array, "
              "return_inverse=True)[1]"};
    case 'V':
      return {"bytes of no type, which bfloat16 becomes",
              "save array.astype('float32') of the original"};
    case 'M':
    case 'm':
      return {"times", "save array.astype('int64')"};
    case ' ':
      return {"of several parts",
              "save numpy.lib.recfunctions.structured_to_unstructured(array)"};
    default:
      return {"of another size", "save array.astype('float64')"};
  }
}

/// Where the dictionary begins, and its bytes.
std::pair<std::size_t, std::size_t> find_header(const File& file) {
  const Bytes& bytes = file.bytes;
  const std::string_view begin(reinterpret_cast<const char*>(bytes.data()),
                               std::min(bytes.size(), kMagic.size()));
  if (begin != kMagic) {
    fail_user("{}: not a .npy file: it does not begin with \\x93NUMPY",
              file.name);
  }
  if (bytes.size() < 12) fail_user("{}: a .npy file cut short", file.name);
  const int version = bytes[6];
  if (version < 1 || version > 3) {
    fail_user("{}: a .npy file of version {}, of which 1 to 3 are known",
              file.name, version);
  }
  std::size_t length = bytes[8] | std::size_t{bytes[9]} << 8;
  if (version > 1) {
    length |= std::size_t{bytes[10]} << 16 | std::size_t{bytes[11]} << 24;
  }
  const std::size_t start = version == 1 ? 10 : 12;
  if (length > bytes.size() - start) {
    fail_user("{}: a .npy file cut short: its header has {} bytes, {} are left",
              file.name, length, bytes.size() - start);
  }
  return {start, length};
}

}  // namespace

Array parse_npy(const File& file) {
  const auto [start, length] = find_header(file);
  const std::string_view text(
      reinterpret_cast<const char*>(file.bytes.data()) + start, length);
  const std::optional<Header> header = HeaderReader(text).read();
  if (!header) {
    fail_user("{}: a damaged .npy file: its header is '{}'", file.name,
              text.substr(0, 120));
  }
  const auto type = type_of(*header->descr);
  if (!type) {
    const auto [what, advice] = other_type(*header->descr);
    fail_user("{}: elements of type '{}' ({}), which are not taken; {}",
              file.name, *header->descr, what, advice);
  }
  const std::size_t held = file.bytes.size() - start - length;
  if (!has_size(*header->shape, element_size(*type), held)) {
    fail_user(
        "{}: its header says {} elements of {} bytes, but {} bytes follow it; "
        "save or copy it again",
        file.name, fmt::join(*header->shape, " x "), element_size(*type), held);
  }
  Array array{.type = *type,
              .big_endian = header->descr->front() == '>',
              .shape = *header->shape,
              .elements = file.bytes.part(start + length, held)};
  return *header->fortran_order ? from_columns(std::move(array)) : array;
}

}  // namespace cape::datasets
