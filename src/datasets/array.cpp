#include "datasets/array.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <type_traits>
#include <utility>

namespace cape::datasets {
namespace {

static_assert(std::endian::native == std::endian::little);

/// How an element is read; a bool may be any byte in a file.
struct BooleanByte {
  std::uint8_t byte;
  explicit operator double() const { return byte != 0 ? 1 : 0; }
};

/// IEEE's number of 16 bits.
struct Half {
  std::uint16_t bits;
  explicit operator double() const {
    const int exponent = bits >> 10 & 0x1f;
    const int fraction = bits & 0x3ff;
    double value = 0;
    if (exponent == 0) {
      value = std::ldexp(fraction, -24);
    } else if (exponent < 0x1f) {
      value = std::ldexp(1024 + fraction, exponent - 25);
    } else {
      value = fraction == 0 ? std::numeric_limits<double>::infinity()
                            : std::numeric_limits<double>::quiet_NaN();
    }
    return bits >> 15 != 0 ? -value : value;
  }
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
    case ElementType::float16:
      return body(Half{});
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

/// Whether `value` is in the range of T.
template <class T>
bool holds(double value) {
  if constexpr (std::is_floating_point_v<T>) return true;
  const double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
  return value < end && value >= (std::is_signed_v<T> ? -end : 0.0);
}

}  // namespace

std::size_t element_size(ElementType type) {
  std::size_t size = 0;
  with_type(type, [&](auto value) { size = sizeof(value); });
  return size;
}

bool is_floating(ElementType type) {
  return type == ElementType::float16 || type == ElementType::float32 ||
         type == ElementType::float64;
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

Array transposed(const Array& array, const std::vector<std::size_t>& axes) {
  const std::size_t size = element_size(array.type);
  const std::size_t rank = axes.size();
  // The bytes from an element to the next along each axis of `array`.
  std::vector<std::size_t> steps(rank, size);
  for (std::size_t axis = rank; axis-- > 1;)
    steps[axis - 1] = steps[axis] * static_cast<std::size_t>(array.shape[axis]);
  Array result = array;
  for (std::size_t k = 0; k < rank; ++k) result.shape[k] = array.shape[axes[k]];
  std::vector<std::uint8_t> bytes(array.elements.size());
  std::vector<std::int64_t> index(rank, 0);
  const std::uint8_t* from = array.elements.data();
  for (std::size_t to = 0; to < bytes.size(); to += size) {
    std::copy_n(from, size, &bytes[to]);
    for (std::size_t k = rank; k-- > 0;) {
      from += steps[axes[k]];
      if (++index[k] < result.shape[k]) break;
      from -= steps[axes[k]] * static_cast<std::size_t>(result.shape[k]);
      index[k] = 0;
    }
  }
  result.elements = Bytes(std::move(bytes));
  return result;
}

Array from_columns(Array array) {
  if (array.shape.size() < 2) return array;
  std::ranges::reverse(array.shape);
  std::vector<std::size_t> axes(array.shape.size());
  std::iota(axes.rbegin(), axes.rend(), std::size_t{0});
  return transposed(array, axes);
}

std::optional<Array> converted(const Array& array, ElementType type) {
  if (array.type == type) return array;
  std::vector<double> values(array.size());
  array.read(0, values);
  std::vector<std::uint8_t> bytes(values.size() * element_size(type));
  bool fits = true;
  with_type(type, [&](auto kind) {
    using T = decltype(kind);
    if constexpr (std::is_arithmetic_v<T>) {
      for (std::size_t i = 0; i < values.size() && fits; ++i) {
        fits = holds<T>(values[i]);
        const T value = fits ? static_cast<T>(values[i]) : T{};
        std::memcpy(&bytes[i * sizeof(T)], &value, sizeof(T));
      }
    }
  });
  if (!fits) return std::nullopt;
  return Array{
      .type = type, .shape = array.shape, .elements = Bytes(std::move(bytes))};
}

}  // namespace cape::datasets
