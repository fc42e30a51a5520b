/// grid.models and grid.datasets: what a grid's entries may look like.
#pragma once

#include <string>
#include <vector>

#include "grid/config.h"
#include "grid/yaml_codec.h"

namespace cape::yaml {

/// The keys of an entry of grid.models.
const std::vector<std::string>& model_keys();

/// {family: F, sample: published} or {family: F, architectures: [...]}; no
/// architecture twice.
Codec<std::vector<ModelSpec>> models();

/// A known data set's name, or {name: NAME, variant: V}, V a map of
/// datasets::Variant's members or the word `sample`.
Codec<DatasetSpec> dataset();

}  // namespace cape::yaml
