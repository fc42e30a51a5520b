/// Prediction intervals: how far log T* was from the predictions of models that
/// had not seen the trajectory (split conformal prediction).
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "predictor/folds.h"
#include "predictor/meta_table.h"

namespace cape {

/// What to add to a predicted log T* for the ends of its interval.
struct Offsets {
  double lower = 0;
  double upper = 0;
};

/// How rows may err: more to one side than to the other, as in the corpus, or
/// to a side that is not known, as on an unseen data set.
enum class Sides { known, unknown };

/// The offsets by family, and of all rows together under "overall", so that a
/// share `level` of rows like the given ones is inside. Rows without a
/// prediction (NaN) do not count.
using OffsetsByFamily = std::map<std::string, Offsets>;
OffsetsByFamily conformal_offsets(const MetaTable& table,
                                  std::span<const RowIndex> rows,
                                  std::span<const double> predicted,
                                  double level, Sides sides);

/// How many rows are inside of intervals whose offsets come from the other
/// parts of the scheme, so that no row had a say in its own.
struct Coverage {
  std::string group;   ///< "overall", "family=mlp", "dataset=mnist"
  double covered = 0;  ///< share of the rows
  double width = 0;    ///< mean of upper end / lower end
  std::int64_t rows = 0;
};
std::vector<Coverage> measure_coverage(const MetaTable& table,
                                       const Scheme& scheme,
                                       std::span<const double> predicted,
                                       double level, Sides sides);

}  // namespace cape
