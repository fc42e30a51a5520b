/// Cross-validation folds.
#pragma once

#include <cstdint>
#include <vector>

#include "predictor/meta_table.h"

namespace cape {

/// The fold, in [0, folds), of every row. All rows of a trajectory share one,
/// since they come from the same training; the trajectories of each family and
/// data set are spread evenly. Depends on the trajectories and the seed, not on
/// the order of the rows. Throws UserError with fewer trajectories than folds.
std::vector<int> assign_folds(const MetaTable& table, int folds,
                              std::uint64_t seed);

}  // namespace cape
