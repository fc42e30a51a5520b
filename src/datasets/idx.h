/// The IDX format of MNIST and its relatives: a big-endian header (two zero
/// bytes, the element type, the number of dimensions, a 32-bit size for each)
/// and the elements. http://yann.lecun.com/exdb/mnist/
#pragma once

#include "datasets/array.h"
#include "datasets/registry.h"

namespace cape::datasets {

/// Whether these are the first bytes of such a file. Other files may begin so
/// by chance.
bool is_idx(const Bytes& bytes);

/// Reads any element type and any number of dimensions. Throws UserError with
/// the file, what was expected and what was found.
Array parse_idx(const File& file);

/// Reads grey images and their labels, in the order of `layout.files`. Labels
/// are integers of any size, or rows of integers that begin with the label.
/// Fewer samples than in the official files are accepted.
Samples read_idx_samples(const KnownDataset& known, const Layout& layout,
                         const std::filesystem::path& place);

}  // namespace cape::datasets
