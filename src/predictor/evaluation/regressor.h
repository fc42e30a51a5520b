/// The common interface of all regressors and baselines: what is fitted on a
/// meta-dataset and predicts T*.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "predictor/data/features.h"
#include "predictor/data/meta_table.h"
#include "predictor/models/model.h"

namespace cape::predictor {

/// Steps, in [1, cap], for the given rows of a table; NaN for a row that
/// cannot be predicted.
using Predict = std::function<std::vector<double>(
    const MetaTable& table, std::span<const RowIndex> rows)>;

/// Fits on the given rows of a table. If there is no row or no feature to learn
/// from, the result predicts nothing.
using Fit = std::function<Predict(const MetaTable& table,
                                  std::span<const RowIndex> rows)>;

struct Regressor {
  std::string name;         ///< "xgboost_paper"; a key of metrics.json
  std::string description;  ///< for people
  Fit fit;
  bool wants_more = false;  ///< learns from rows that are never scored, too
};

/// What a regressor is fitted to. The paper says log T*; some of its scripts
/// use T* itself.
enum class Target { log_steps, steps };

Fit fit_model(const FeatureSet& features, const ModelSettings& settings);

/// Fits one model for each family, which predicts the rows of its family. Rows
/// of other families are not predicted.
Fit fit_by_family(Fit fit);

/// Boosted trees of the given settings, without a base.
Fit fit_boosted_trees(const FeatureSet& features,
                      const BoosterSettings& settings, Target target);

/// Bagged trees without shrinkage; depth 0 lets them grow to the end. Instead
/// of a bootstrap sample, a share of the rows is drawn without replacement that
/// is as large as the share of different rows in a bootstrap sample.
BoosterSettings forest_settings(int trees, int depth, std::uint64_t seed);

/// The regressors of the paper's Table 4 with its settings. Linear models, SVR
/// and perceptron use standardised features.
std::vector<Regressor> paper_regressors(const FeatureSet& features,
                                        std::uint64_t seed, Target target);

}  // namespace cape::predictor
