/// From the data sets that a configuration names to what they are.
#pragma once

#include <vector>

#include "datasets/dataset.h"
#include "grid/config.h"

namespace cape::grid {

/// The data sets of a configuration, in its order, each read whole. Throws
/// UserError with all that cannot be used, each with its place.
std::vector<datasets::DatasetInfo> open_datasets(const Config& config);

}  // namespace cape::grid
