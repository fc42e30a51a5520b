/// The binary version of CIFAR: each record has its labels, one byte each, and
/// 3 x 32 x 32 pixels, channel by channel.
/// https://www.cs.toronto.edu/~kriz/cifar.html
#pragma once

#include <filesystem>

#include "datasets/registry.h"

namespace cape::datasets {

/// Reads the existing files of the layout, in their order. Throws UserError
/// with the file, what was expected and what was found.
Samples read_cifar10_binary(const KnownDataset& known, const Layout& layout,
                            const std::filesystem::path& place);

/// The same for CIFAR-100, whose records have a coarse label (of 20), which is
/// skipped, and a fine one (of 100).
Samples read_cifar100_binary(const KnownDataset& known, const Layout& layout,
                             const std::filesystem::path& place);

/// The records of one file in the layout of CIFAR-10's, with unchecked labels.
/// Throws UserError.
Samples read_cifar_records(const File& file);

}  // namespace cape::datasets
