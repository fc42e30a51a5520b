/// What can be fitted on a meta-dataset and predicts T*.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "predictor/features.h"
#include "predictor/meta_table.h"
#include "predictor/xgboost.h"

namespace cape {

/// Steps, in [1, kMaxSteps], for the given rows of a table.
using Predict = std::function<std::vector<double>(
    const MetaTable& table, std::span<const RowIndex> rows)>;

/// Fits on the given rows of a table. The one interface of all regressors and
/// baselines.
using Fit = std::function<Predict(const MetaTable& table,
                                  std::span<const RowIndex> rows)>;

/// XGBoost on log T*: the booster and the features it reads.
struct XgboostModel {
  Booster booster;
  FeatureSet features;

  static XgboostModel fit(const MetaTable& table,
                          std::span<const RowIndex> rows,
                          const FeatureSet& features,
                          const BoosterSettings& settings);
  std::vector<double> predict_steps(const MetaTable& table,
                                    std::span<const RowIndex> rows) const;
};

/// One XgboostModel for all rows.
Fit fit_xgboost(const FeatureSet& features, const BoosterSettings& settings);

/// One model of `fit` a family, each predicting its family's rows, which must
/// be among those fitted on.
Fit fit_by_family(Fit fit);

}  // namespace cape
