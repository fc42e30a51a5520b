/// Prediction intervals, from the errors of log T* on trajectories that the
/// models had not seen (split conformal prediction).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "predictor/data/by_family.h"
#include "predictor/data/folds.h"
#include "predictor/data/meta_table.h"
#include "predictor/models/interval.h"

namespace cape::predictor {

/// How rows may err: as in the corpus, where errors to one side may be more
/// common; or to a side that is not known, as on an unseen data set.
enum class Sides { known, unknown };

/// The offsets for which a share `level` of rows like the given ones is inside
/// of its intervals. Rows without a prediction (NaN) do not count; at least one
/// must have one.
ByFamily<Offsets> conformal_offsets(const MetaTable& table,
                                    std::span<const RowIndex> rows,
                                    std::span<const double> predicted,
                                    double level, Sides sides);

struct Coverage {
  std::string group;   ///< "overall", "family=mlp", "dataset=mnist"
  double covered = 0;  ///< share of the rows
  double width = 0;    ///< mean of upper end / lower end
  std::int64_t rows = 0;
};

/// How many of `rows` are inside of their intervals: of all rows, of each
/// family and of each data set.
std::vector<Coverage> measure_coverage(const MetaTable& table,
                                       std::span<const RowIndex> rows,
                                       std::span<const Interval> intervals);

/// The same for intervals whose offsets come from the other parts of the
/// scheme, so that no row influences its own interval.
std::vector<Coverage> measure_coverage(const MetaTable& table,
                                       const Scheme& scheme,
                                       std::span<const double> predicted,
                                       double level, Sides sides);

}  // namespace cape::predictor
