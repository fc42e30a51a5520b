/// SVHN's cropped digits (format 2): a MATLAB level 5 file with the images X,
/// 32 x 32 x 3 x N unsigned bytes (row, column, channel, sample; rows run
/// fastest), and the labels y, N x 1, where digit 0 has the label 10.
/// http://ufldl.stanford.edu/housenumbers/
#pragma once

#include <filesystem>

#include "datasets/registry.h"

namespace cape::datasets {

/// Throws UserError with the file, what was expected and what was found.
Samples read_svhn(const KnownDataset& known, const Layout& layout,
                  const std::filesystem::path& place);

}  // namespace cape::datasets
