/// grid.optimizer: what its entries may look like.
#pragma once

#include <vector>

#include "grid/config.h"
#include "grid/yaml_codec.h"

namespace cape::grid::yaml {

/// Entries are the name of an optimizer, or {kind: NAME, ...} with its settings
/// and, under learning_rate, the rates to try with it instead of the grid's.
Codec<std::vector<OptimizerSpec>> optimizers();

}  // namespace cape::grid::yaml
