/// grid.models: what its entries may look like.
#pragma once

#include <string>
#include <vector>

#include "grid/config.h"
#include "grid/yaml_codec.h"

namespace cape::grid::yaml {

/// The keys of an entry of grid.models.
const std::vector<std::string>& model_keys();

/// {family: F, sample: published} or {family: F, architectures: [...]}; for
/// lists of layers also {family: sequential, name: N, layers: [...]} and
/// {family: sequential, sample: diverse, style: S}. No architecture twice.
Codec<std::vector<ModelSpec>> models();

}  // namespace cape::grid::yaml
