/// The IDX format of MNIST and its relatives: a big-endian header (two zero
/// bytes, the element type, the number of dimensions, a 32-bit size for each)
/// and the elements. http://yann.lecun.com/exdb/mnist/
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "datasets/array.h"
#include "datasets/registry.h"

namespace cape::datasets {

enum class IdxType : std::uint8_t {
  uint8 = 0x08,
  int8 = 0x09,
  int16 = 0x0b,
  int32 = 0x0c,
  float32 = 0x0d,
  float64 = 0x0e
};

/// Bytes of an element.
std::size_t element_size(IdxType type);

struct IdxArray {
  IdxType type = IdxType::uint8;
  std::vector<std::int64_t> shape;
  Bytes elements;  ///< big-endian, row by row

  /// Element `index` of an array of integers.
  std::int64_t integer(std::size_t index) const;
};

/// Any type, any number of dimensions. Throws UserError: file, what was
/// expected, what was found.
IdxArray parse_idx(const File& file);

/// The same array, as other formats have it.
Array to_array(const IdxArray& idx);

/// Reads grey images and their labels, in the order of `layout.files`. Labels
/// are integers of any size, or rows of them that begin with the label. Fewer
/// samples than the official ones are accepted.
Samples read_idx_samples(const KnownDataset& known, const Layout& layout,
                         const std::filesystem::path& place);

}  // namespace cape::datasets
