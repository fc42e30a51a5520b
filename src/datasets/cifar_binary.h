/// The binary version of CIFAR: records of the labels, a byte each, and 3 x 32
/// x 32 pixels, channel by channel. https://www.cs.toronto.edu/~kriz/cifar.html
#pragma once

#include <filesystem>

#include "datasets/registry.h"

namespace cape::datasets {

/// Reads those files of the layout that are there, in their order. Throws
/// UserError: file, what was expected, what was found.
Samples read_cifar10_binary(const KnownDataset& known, const Layout& layout,
                            const std::filesystem::path& place);

/// The same of CIFAR-100, whose records have a coarse label (of 20), which is
/// passed over, and a fine one (of 100).
Samples read_cifar100_binary(const KnownDataset& known, const Layout& layout,
                             const std::filesystem::path& place);

/// The records of one file that is laid out as CIFAR-10's, labels unchecked.
/// Throws UserError.
Samples read_cifar_records(const File& file);

}  // namespace cape::datasets
