/// The IDX format of MNIST and its relatives: a big-endian header (two zero
/// bytes, the element type, the number of dimensions, a 32-bit size for each)
/// and the elements. http://yann.lecun.com/exdb/mnist/
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "datasets/registry.h"

namespace cape::datasets {

struct IdxArray {
  std::vector<std::int64_t> shape;
  std::vector<std::uint8_t> values;  ///< row by row
};

/// Reads unsigned bytes of `rank` dimensions, gzip or plain, at most
/// `most_values` of them. Throws UserError: file, what was expected, what was
/// found.
IdxArray read_idx(const std::filesystem::path& file, std::size_t rank,
                  std::size_t most_values);

/// Reads a file of grey images and one of their labels, in the order of
/// `known.files`. Fewer samples than the official ones are accepted.
Samples read_idx_samples(const KnownDataset& known,
                         const std::filesystem::path& directory);

}  // namespace cape::datasets
