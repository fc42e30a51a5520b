/// The Python version of CIFAR: a pickled dictionary a file, as torchvision
/// leaves it. https://www.cs.toronto.edu/~kriz/cifar.html
#pragma once

#include <filesystem>

#include "datasets/registry.h"

namespace cape::datasets {

/// Reads those files of the layout that are there, in their order. Throws
/// UserError: file, what was expected, what was found.
Samples read_cifar10_python(const KnownDataset& known, const Layout& layout,
                            const std::filesystem::path& place);

/// The same of CIFAR-100, with its fine labels.
Samples read_cifar100_python(const KnownDataset& known, const Layout& layout,
                             const std::filesystem::path& place);

}  // namespace cape::datasets
