/// grid.datasets: what its entries may look like.
#pragma once

#include "grid/config.h"
#include "grid/yaml_codec.h"

namespace cape::grid::yaml {

/// A known data set's name, or {name: NAME, variant: V}, V a map of
/// datasets::Variant's members or the word `sample`; or, with x and the other
/// members of datasets::UserDataset, data of the user's own.
Codec<DatasetSpec> dataset();

}  // namespace cape::grid::yaml
