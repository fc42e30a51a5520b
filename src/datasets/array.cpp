#include "datasets/array.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <numeric>

namespace cape::datasets {
namespace {

static_assert(std::endian::native == std::endian::little);

/// How an element is read; a bool may be any byte in a file.
struct BooleanByte {
  std::uint8_t byte;
  explicit operator double() const { return byte != 0 ? 1 : 0; }
};

/// Calls `body` with a value of the element's type.
template <class Body>
void with_type(ElementType type, const Body& body) {
  switch (type) {
    case ElementType::boolean:
      return body(BooleanByte{});
    case ElementType::uint8:
      return body(std::uint8_t{});
    case ElementType::int8:
      return body(std::int8_t{});
    case ElementType::uint16:
      return body(std::uint16_t{});
    case ElementType::int16:
      return body(std::int16_t{});
    case ElementType::uint32:
      return body(std::uint32_t{});
    case ElementType::int32:
      return body(std::int32_t{});
    case ElementType::uint64:
      return body(std::uint64_t{});
    case ElementType::int64:
      return body(std::int64_t{});
    case ElementType::float32:
      return body(float{});
    case ElementType::float64:
      return body(double{});
  }
}

/// Files need not align their elements.
template <class T>
T load(const std::uint8_t* bytes, bool big_endian) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  if (big_endian) {
    auto* const first = reinterpret_cast<std::uint8_t*>(&value);
    std::reverse(first, first + sizeof(T));
  }
  return value;
}

}  // namespace

std::size_t element_size(ElementType type) {
  std::size_t size = 0;
  with_type(type, [&](auto value) { size = sizeof(value); });
  return size;
}

bool is_floating(ElementType type) {
  return type == ElementType::float32 || type == ElementType::float64;
}

bool has_size(const std::vector<std::int64_t>& shape, std::size_t size,
              std::size_t total) {
  if (std::find(shape.begin(), shape.end(), 0) != shape.end())
    return total == 0;
  std::size_t product = size;
  for (const std::int64_t extent : shape) {
    // Both are at most 2^63, so a product that overflows was too large before.
    if (static_cast<std::size_t>(extent) > total / product) return false;
    product *= static_cast<std::size_t>(extent);
  }
  return product == total;
}

Array Array::of(std::vector<std::uint8_t> bytes) {
  return {.type = ElementType::uint8,
          .shape = {std::ssize(bytes)},
          .elements = Bytes(std::move(bytes))};
}

std::size_t Array::sample_size() const {
  return static_cast<std::size_t>(std::accumulate(
      shape.begin() + 1, shape.end(), std::int64_t{1}, std::multiplies<>()));
}

void Array::read(std::size_t first, std::span<double> values) const {
  with_type(type, [&](auto kind) {
    using T = decltype(kind);
    const std::uint8_t* bytes = elements.data() + first * sizeof(T);
    for (double& value : values) {
      value = static_cast<double>(load<T>(bytes, big_endian));
      bytes += sizeof(T);
    }
  });
}

double Array::operator[](std::size_t index) const {
  double value = 0;
  read(index, {&value, 1});
  return value;
}

}  // namespace cape::datasets
