/// Arrays of numbers as files hold them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/enum_names.h"
#include "datasets/bytes.h"

namespace cape::datasets {

enum class ElementType : std::uint8_t {
  boolean,  ///< a byte
  uint8,
  int8,
  uint16,
  int16,
  uint32,
  int32,
  uint64,
  int64,
  float16,
  float32,
  float64
};

/// "float32", "bool": as numpy calls them.
constexpr auto enum_names(ElementType) {
  using enum ElementType;
  return EnumNames{"type of elements", std::to_array<EnumName<ElementType>>(
                                           {{boolean, "bool"},
                                            {uint8, "uint8"},
                                            {int8, "int8"},
                                            {uint16, "uint16"},
                                            {int16, "int16"},
                                            {uint32, "uint32"},
                                            {int32, "int32"},
                                            {uint64, "uint64"},
                                            {int64, "int64"},
                                            {float16, "float16"},
                                            {float32, "float32"},
                                            {float64, "float64"}})};
}

/// Bytes of an element.
std::size_t element_size(ElementType type);

bool is_floating(ElementType type);

/// Whether elements of `size` bytes in this shape have `total` bytes together.
/// Products that overflow are handled.
bool has_size(const std::vector<std::int64_t>& shape, std::size_t size,
              std::size_t total);

/// Numbers row by row; the first dimension is the samples.
struct Array {
  ElementType type = ElementType::uint8;
  bool big_endian = false;
  std::vector<std::int64_t> shape = {};
  Bytes elements = {};

  /// A vector of bytes as an array.
  static Array of(std::vector<std::uint8_t> bytes);

  /// The number of elements; at least one.
  std::size_t size() const { return elements.size() / element_size(type); }

  /// The number of samples.
  std::int64_t count() const { return shape.empty() ? 0 : shape.front(); }

  /// The number of elements in each sample.
  std::size_t sample_size() const;

  /// The elements from `first` on, which must exist.
  void read(std::size_t first, std::span<double> values) const;

  /// One element.
  double operator[](std::size_t index) const;
};

/// A copy whose axis k is the axis `axes[k]` of `array`, as numpy.transpose
/// makes it. `axes` has every axis of `array` once.
Array transposed(const Array& array, const std::vector<std::size_t>& axes);

/// The array whose elements lie column by column in `array.elements`, as
/// MATLAB and Fortran keep them: the first index runs fastest.
Array from_columns(Array array);

/// The same numbers with another type of elements; nothing if a number is out
/// of that type's range. `type` is neither boolean nor float16.
std::optional<Array> converted(const Array& array, ElementType type);

}  // namespace cape::datasets
