/// What the boosted trees of a model stand on: ridge regressions on log T*.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "predictor/features.h"
#include "predictor/linear.h"
#include "predictor/matrix.h"
#include "predictor/meta_table.h"

namespace cape {

/// Of all features of a model; the weights of those that are not linear are 0.
struct RidgeBase {
  LinearModel overall;  ///< for families that it was not fitted on
  /// A learning rate or a width counts for more in one family than in another.
  std::map<std::string, LinearModel> families;

  static RidgeBase fit(const MetaTable& table, std::span<const RowIndex> rows,
                       const FeatureSet& features);

  const LinearModel& of(const std::string& family) const;
  /// log T*, one a row; `x` has the features of `rows`.
  std::vector<float> predict(const MetaTable& table,
                             std::span<const RowIndex> rows,
                             const Matrix& x) const;
};

}  // namespace cape
