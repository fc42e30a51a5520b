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

/// What the trees of a model start from.
enum class Base {
  none,       ///< one constant
  by_family,  ///< a regression for each family, on features that are linear
  together    ///< one regression on all features
};

/// By family: the weights of features that are not linear are 0; there is one
/// regression for each family, since a learning rate or a width matters more in
/// one family than in another. Together: families are empty.
struct RidgeBase : ByFamily<LinearModel> {
  /// REQUIRES: base is not none.
  static RidgeBase fit(const MetaTable& table, std::span<const RowIndex> rows,
                       const FeatureSet& features, Base base);

  /// log T*, one value for each row; `x` has the features of `rows`.
  std::vector<float> predict(const MetaTable& table,
                             std::span<const RowIndex> rows,
                             const Matrix& x) const;
};

}  // namespace cape::predictor
