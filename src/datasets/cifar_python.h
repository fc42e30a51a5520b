/// The Python version of CIFAR: each file is a pickled dictionary, as
/// torchvision leaves it. https://www.cs.toronto.edu/~kriz/cifar.html
#pragma once

#include <filesystem>

#include "datasets/registry.h"

namespace cape::datasets {

/// Reads the existing files of the layout, in their order. Throws UserError
/// with the file, what was expected and what was found.
Samples read_cifar10_python(const KnownDataset& known, const Layout& layout,
                            const std::filesystem::path& place);

/// The same for CIFAR-100, with its fine labels.
Samples read_cifar100_python(const KnownDataset& known, const Layout& layout,
                             const std::filesystem::path& place);

}  // namespace cape::datasets
