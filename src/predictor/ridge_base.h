/// What the boosted trees of a model stand on: ridge regressions on log T*.
#pragma once

#include <span>
#include <vector>

#include "predictor/by_family.h"
#include "predictor/features.h"
#include "predictor/linear.h"
#include "predictor/matrix.h"
#include "predictor/meta_table.h"

namespace cape {

/// Of all features of a model; the weights of those that are not linear are 0.
/// By family: a learning rate or a width counts for more in one than in
/// another.
struct RidgeBase : ByFamily<LinearModel> {
  static RidgeBase fit(const MetaTable& table, std::span<const RowIndex> rows,
                       const FeatureSet& features);

  /// log T*, one a row; `x` has the features of `rows`.
  std::vector<float> predict(const MetaTable& table,
                             std::span<const RowIndex> rows,
                             const Matrix& x) const;
};

}  // namespace cape
