#include "datasets/mat5.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "datasets/array_file.h"
#include "datasets/gzip.h"

namespace cape::datasets {
namespace {

// Types of elements and classes of arrays: tables 1-1 and 1-3 of the format.
enum Type : std::uint32_t {
  kInt8 = 1,
  kInt32 = 5,
  kUint32 = 6,
  kMatrix = 14,
  kCompressed = 15
};
using Code = std::pair<std::uint32_t, ElementType>;
constexpr Code kStoredTypes[] = {
    {1, ElementType::int8},    {2, ElementType::uint8},
    {3, ElementType::int16},   {4, ElementType::uint16},
    {5, ElementType::int32},   {6, ElementType::uint32},
    {7, ElementType::float32}, {9, ElementType::float64},
    {12, ElementType::int64},  {13, ElementType::uint64}};
constexpr Code kClasses[] = {
    {6, ElementType::float64}, {7, ElementType::float32},
    {8, ElementType::int8},    {9, ElementType::uint8},
    {10, ElementType::int16},  {11, ElementType::uint16},
    {12, ElementType::int32},  {13, ElementType::uint32},
    {14, ElementType::int64},  {15, ElementType::uint64}};
constexpr std::uint32_t kComplex = 0x800;
constexpr std::uint32_t kOpaque = 17;
/// Classes that are no arrays of numbers, and what to do in MATLAB.
constexpr std::pair<std::uint32_t, std::string_view> kOtherClasses[] = {
    {1, "a cell array; save cell2mat() of it"},
    {2, "a structure; save its fields as variables of their own"},
    {3, "an object; save its numbers as an array"},
    {4, "text; save a number for each text"},
    {5, "a sparse matrix; save full() of it"},
    {kOpaque,
     "an object; save its numbers as an array, as table2array() makes it"}};
constexpr std::size_t kHeader = 128;

std::uint32_t little_endian(const Bytes& bytes, std::size_t at) {
  return std::uint32_t{bytes[at + 3]} << 24 |
         std::uint32_t{bytes[at + 2]} << 16 |
         std::uint32_t{bytes[at + 1]} << 8 | std::uint32_t{bytes[at]};
}

struct Element {
  std::uint32_t type = 0;
  Bytes bytes;
};

/// The elements in a piece of a file, one after the other.
class ElementReader {
 public:
  ElementReader(const std::string& file, Bytes bytes)
      : file_(file), bytes_(std::move(bytes)) {}

  bool at_end() const { return at_ == bytes_.size(); }

  /// A small element has its data in four bytes, after the two halves of its
  /// first word. The others are padded to 8 bytes, unless they are compressed.
  Element next() {
    const std::uint32_t word = number(at_);
    if (word >> 16 != 0) {
      Element element{word & 0xffff, part(at_ + 4, word >> 16)};
      if (element.bytes.size() > 4) fail_damaged();
      at_ += part(at_, 8).size();
      return element;
    }
    Element element{word, part(at_ + 8, number(at_ + 4))};
    std::size_t size = element.bytes.size();
    if (element.type != kCompressed) size = (size + 7) / 8 * 8;
    at_ += part(at_, 8 + size).size();
    return element;
  }

  Element next(Type type) {
    Element element = next();
    if (element.type != type) fail_damaged();
    return element;
  }

  [[noreturn]] void fail_damaged() const {
    fail_user("{}: truncated or damaged; copy or download it again", file_);
  }

 private:
  Bytes part(std::size_t offset, std::size_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) fail_damaged();
    return bytes_.part(offset, size);
  }

  std::uint32_t number(std::size_t offset) const {
    return little_endian(part(offset, 4), 0);
  }

  const std::string& file_;
  Bytes bytes_;
  std::size_t at_ = 0;
};

std::optional<ElementType> find_type(std::span<const Code> codes,
                                     std::uint32_t wanted) {
  for (const auto& [code, type] : codes)
    if (code == wanted) return type;
  return std::nullopt;
}

/// Of a variable that is no array of real numbers, from its flags.
std::string kind_of(std::uint32_t flags) {
  for (const auto& [code, kind] : kOtherClasses)
    if (code == (flags & 0xff)) return std::string(kind);
  if ((flags & kComplex) != 0)
    return "complex numbers; save real() and imag() of them";
  return "no array of numbers";
}

MatVariable variable_of(const std::string& file, const Bytes& matrix) {
  ElementReader elements(file, matrix);
  const Bytes flags = elements.next(kUint32).bytes;
  const std::uint32_t word = flags.size() < 4 ? 0 : little_endian(flags, 0);
  // Tables, strings and dates have no dimensions.
  const bool is_opaque = (word & 0xff) == kOpaque;
  const Bytes extents = is_opaque ? Bytes{} : elements.next(kInt32).bytes;
  const Bytes text = elements.next(kInt8).bytes;
  MatVariable variable{.name = {text.begin(), text.end()}, .array = {}};
  const auto type = find_type(kClasses, word & 0xff);
  if (!type || (word & kComplex) != 0) {
    variable.kind = kind_of(word);
    return variable;
  }
  const Element real = elements.next();
  const auto stored = find_type(kStoredTypes, real.type);
  if (!stored || real.bytes.size() % element_size(*stored) != 0)
    elements.fail_damaged();
  variable.array = converted({.type = *stored, .elements = real.bytes}, *type);
  if (!variable.array) elements.fail_damaged();
  for (std::size_t at = 0; at + 4 <= extents.size(); at += 4)
    variable.array->shape.push_back(little_endian(extents, at));
  return variable;
}

}  // namespace

bool is_mat5(const Bytes& bytes) {
  static constexpr std::uint8_t kLevel5[] = {0x00, 0x01, 'I', 'M'};
  return bytes.size() >= kHeader &&
         std::memcmp(bytes.data() + kHeader - 4, kLevel5, 4) == 0;
}

bool is_mat4(const Bytes& bytes) {
  constexpr std::size_t kHeader4 = 20;
  if (bytes.size() <= kHeader4) return false;
  // Its type is a number of four digits, of which the second is 0.
  const std::uint32_t type = little_endian(bytes, 0);
  const std::uint32_t is_complex = little_endian(bytes, 12);
  const std::uint32_t length = little_endian(bytes, 16);  // of the name
  const bool has_type = type % 10 <= 2 && type / 10 % 10 <= 5 && type < 100;
  return has_type && is_complex <= 1 && length > 1 &&
         length <= bytes.size() - kHeader4 &&
         bytes[kHeader4 + length - 1] == 0 &&
         std::all_of(bytes.begin() + kHeader4,
                     bytes.begin() + kHeader4 + length - 1,
                     [](std::uint8_t c) { return c > ' ' && c < 0x7f; });
}

std::vector<MatVariable> read_mat5(const File& file, std::size_t limit) {
  const Bytes& bytes = file.bytes;
  if (!is_mat5(bytes)) fail_user("{}: not a MATLAB file of level 5", file.name);
  std::vector<MatVariable> variables;
  ElementReader elements(file.name,
                         bytes.part(kHeader, bytes.size() - kHeader));
  while (!elements.at_end()) {
    Element element = elements.next();
    if (element.type == kCompressed) {
      element =
          ElementReader(file.name, inflate_zlib(file, element.bytes, limit))
              .next();
    }
    if (element.type != kMatrix) continue;
    MatVariable variable = variable_of(file.name, element.bytes);
    // MATLAB keeps what belongs to objects in an array without a name.
    if (!variable.name.empty()) variables.push_back(std::move(variable));
  }
  return variables;
}

Array parse_mat5(const File& file, const std::string& name, std::size_t limit) {
  const std::vector<MatVariable> variables = read_mat5(file, limit);
  std::vector<std::string> names;
  for (const MatVariable& variable : variables) {
    if (variable.array) {
      names.push_back(variable.name);
    } else if (variable.name == name ||
               (name.empty() && variables.size() == 1)) {
      fail_user("{}: its {} is {}", file.name, variable.name, variable.kind);
    }
  }
  const std::string wanted = choose_array(file.name, name, names);
  const auto found =
      std::ranges::find_if(variables, [&](const MatVariable& variable) {
        return variable.array && variable.name == wanted;
      });
  const Array& array = *found->array;
  if (!has_size(array.shape, element_size(array.type), array.elements.size())) {
    fail_user("{}: its {} is {}, but has {} elements; save or copy it again",
              file.name, wanted, fmt::join(array.shape, " x "), array.size());
  }
  return from_columns(array);
}

}  // namespace cape::datasets
