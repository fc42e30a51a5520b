/// The binary version of CIFAR: records of the labels, a byte each, and 3 x 32
/// x 32 pixels, channel by channel. https://www.cs.toronto.edu/~kriz/cifar.html
#pragma once

#include <filesystem>

#include "datasets/registry.h"

namespace cape::datasets {

/// Reads those of `known.files` that are there, in their order; each holds
/// records with one label. Throws UserError: file, what was expected, what was
/// found.
Samples read_cifar_samples(const KnownDataset& known,
                           const std::filesystem::path& directory);

}  // namespace cape::datasets
