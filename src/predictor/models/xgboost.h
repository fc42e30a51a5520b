/// Wraps XGBoost's C API in one class. Only xgboost.cpp includes the API.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/data/matrix.h"

namespace cape::predictor {

enum class BoosterObjective {
  squared_error,
  /// Huber's loss: errors beyond BoosterSettings::huber_delta count by their
  /// size, not by its square, so that a few rows that are far off draw little.
  huber,
  logistic,  ///< the target is 0 or 1, the prediction its log-odds
  survival  ///< accelerated failure time: log T* is normal, some of it censored
};

/// The defaults are those of the paper. Trees use histograms, the default of
/// Python's xgboost since 2.0.
struct BoosterSettings {
  BoosterObjective objective = BoosterObjective::squared_error;
  int trees = 200;
  int depth = 4;
  double learning_rate = 0.05;
  double subsample = 0.9;
  double colsample_bytree = 0.9;
  double colsample_bynode = 1;
  double min_child_weight = 1;
  int bins = 256;  ///< into which the histograms cut every feature
  double lambda = 1;
  double alpha = 0;
  double huber_delta = 0.3;
  int parallel_trees = 1;  ///< > 1: a forest per round
  int early_stopping = 0;  ///< rounds without progress; 0: grow all trees
  std::uint64_t seed = 42;
};

/// What a booster learns from or is watched on: a value for each row of `x` in
/// each.
struct BoosterData {
  const Matrix& x;
  std::span<const float> target;
  /// Where trees start from (XGBoost's base_margin); empty: from one constant.
  std::span<const float> margin = {};
  /// For survival only: `target` is the smallest possible log T*, this is the
  /// largest; empty: the same as the target.
  std::span<const float> upper = {};
};

/// A fitted ensemble of regression trees. All members throw Error with
/// XGBoost's message when XGBoost fails.
class Booster {
 public:
  /// `names` are the columns of `data.x`. Uses all cores if `x` is large; the
  /// result does not depend on their number.
  static Booster train(const BoosterData& data,
                       std::span<const std::string> names,
                       const BoosterSettings& settings);

  /// The number of rounds, at most settings.trees, that predict `watched` best.
  /// Stops when settings.early_stopping rounds have brought no progress.
  static int best_rounds(const BoosterData& data, const BoosterData& watched,
                         const BoosterSettings& settings);

  /// A model in XGBoost's JSON format.
  static Booster from_json(std::string_view json);

  Booster(Booster&& other) noexcept;
  Booster& operator=(Booster&& other) noexcept;
  ~Booster();

  /// One prediction for each row of `x`, whose columns are those of the
  /// training, on the scale of the margin (for Objective::survival a
  /// logarithm).
  std::vector<float> predict(const Matrix& x,
                             std::span<const float> margin = {}) const;

  /// What each feature adds to a prediction (SHAP): a row for each row of `x`,
  /// a column for each feature, then the constant. The sum of a row is its
  /// prediction.
  Matrix contributions(const Matrix& x,
                       std::span<const float> margin = {}) const;

  /// The total gain of each feature's splits; features without splits are
  /// absent.
  std::map<std::string, double> total_gain() const;

  /// XGBoost's JSON format, feature names included.
  std::string to_json() const;

  std::vector<std::string> feature_names() const;

 private:
  explicit Booster(void* handle) : handle_(handle) {}
  std::vector<float> run(const Matrix& x, std::span<const float> margin,
                         int type) const;

  void* handle_;
};

}  // namespace cape::predictor
