#include "datasets/mat5.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "core/error.h"
#include "datasets/gzip.h"

namespace cape::datasets {
namespace {

// Types of elements and classes of arrays: tables 1-1 and 1-3 of the format.
enum Type : std::uint32_t {
  kInt8 = 1,
  kUint8 = 2,
  kInt32 = 5,
  kUint32 = 6,
  kMatrix = 14,
  kCompressed = 15
};
constexpr std::uint32_t kUint8Class = 9;
constexpr std::uint32_t kComplex = 0x800;
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

 private:
  [[noreturn]] void fail_damaged() const {
    fail_user("{}: truncated or damaged; copy or download it again", file_);
  }

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

struct Variable {
  std::string name;
  MatArray array;
};

/// For a matrix that is none of `names`, only the name is filled in.
Variable variable_of(const std::string& file, const Bytes& matrix,
                     const std::vector<std::string>& names) {
  ElementReader elements(file, matrix);
  const Bytes flags = elements.next(kUint32).bytes;
  const Bytes extents = elements.next(kInt32).bytes;
  const Bytes text = elements.next(kInt8).bytes;
  Variable variable;
  variable.name.assign(text.begin(), text.end());
  if (std::find(names.begin(), names.end(), variable.name) == names.end())
    return variable;
  const std::uint32_t word = flags.size() < 4 ? 0 : little_endian(flags, 0);
  if ((word & 0xff) != kUint8Class || (word & kComplex) != 0) {
    fail_user("{}: its variable {} is no array of real unsigned bytes", file,
              variable.name);
  }
  for (std::size_t at = 0; at + 4 <= extents.size(); at += 4)
    variable.array.shape.push_back(little_endian(extents, at));
  variable.array.bytes = elements.next(kUint8).bytes;
  return variable;
}

}  // namespace

std::vector<MatArray> read_mat_arrays(const File& file,
                                      const std::vector<std::string>& names,
                                      std::size_t limit) {
  const Bytes& bytes = file.bytes;
  static constexpr std::uint8_t kLevel5[] = {0x00, 0x01, 'I', 'M'};
  if (bytes.size() < kHeader ||
      std::memcmp(bytes.data() + kHeader - 4, kLevel5, 4) != 0) {
    fail_user("{}: not a MATLAB file of level 5", file.name);
  }
  std::map<std::string, MatArray> found;
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
    Variable variable = variable_of(file.name, element.bytes, names);
    found.try_emplace(std::move(variable.name), std::move(variable.array));
  }
  std::vector<MatArray> arrays;
  for (const std::string& name : names) {
    const auto array = found.find(name);
    if (array == found.end())
      fail_user("{}: without a variable {}", file.name, name);
    arrays.push_back(array->second);
  }
  return arrays;
}

}  // namespace cape::datasets
