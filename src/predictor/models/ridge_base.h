/// The ridge regressions on log T* that the boosted trees of a model start
/// from.
#pragma once

#include <span>
#include <vector>

#include "predictor/data/by_family.h"
#include "predictor/data/features.h"
#include "predictor/data/matrix.h"
#include "predictor/data/meta_table.h"
#include "predictor/models/linear.h"

namespace cape::predictor {

/// Uses all features of a model; the weights of those that are not linear are
/// 0. There is one regression for each family, since a learning rate or a width
/// matters more in one family than in another.
struct RidgeBase : ByFamily<LinearModel> {
  static RidgeBase fit(const MetaTable& table, std::span<const RowIndex> rows,
                       const FeatureSet& features);

  /// log T*, one value for each row; `x` has the features of `rows`.
  std::vector<float> predict(const MetaTable& table,
                             std::span<const RowIndex> rows,
                             const Matrix& x) const;
};

}  // namespace cape::predictor
