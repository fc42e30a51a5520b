/// Which models are compared, and under which schemes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "predictor/data/inputs.h"
#include "predictor/evaluation/evaluate.h"
#include "predictor/models/model.h"

namespace cape::predictor {

struct ComparisonOptions {
  /// Of the model that is kept: "extended", "paper"; "general" for whole
  /// trainings.
  std::string features = "extended";
  int folds = 3;
  std::uint64_t seed = 42;
  Censored censored = Censored::cap;
  bool regressors = false;  ///< those of the paper's Table 4 as well
};

/// A model or scheme for which the input has no data.
struct Unavailable {
  SchemeName scheme;
  std::string model;  ///< empty: none, under this scheme
  std::string reason;
};

struct Comparison {
  std::vector<Scheme> schemes;  ///< those that can be used, k folds first
  std::vector<Evaluation> evaluations;  ///< the first: the model that is kept,
                                        ///< by k folds
  std::vector<Unavailable> unavailable;

  const Scheme& kfold() const { return schemes.front(); }
  /// Null if there is none.
  const Evaluation* find(SchemeName scheme, std::string_view model) const;
};

/// The name of the model that is kept: "xgboost_paper", "blend_extended" or
/// "blend_general".
std::string kept_name(const ComparisonOptions& options);

/// The features of the named set that are not the same in all rows to fit.
FeatureSet features_for(const Inputs& inputs, std::string_view set);

/// How the model that is kept is fitted.
ModelSettings kept_settings(const Inputs& inputs,
                            const ComparisonOptions& options);

/// What the general model is compared with. Of the many rows of steps on one
/// batch no forest is grown.
std::vector<Regressor> general_baselines(const Inputs& inputs,
                                         std::uint64_t seed);

/// The names of the models that are fitted, and of their calibrated forms.
Comparison compare(const Inputs& inputs, const ComparisonOptions& options);

}  // namespace cape::predictor
