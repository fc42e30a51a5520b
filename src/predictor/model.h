/// The predictor itself: boosted trees on log T*, on a ridge regression or
/// alone.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/enum_names.h"
#include "predictor/by_family.h"
#include "predictor/features.h"
#include "predictor/meta_table.h"
#include "predictor/ridge_base.h"
#include "predictor/xgboost.h"

namespace cape {

/// What rows that did not converge are to a fit.
enum class Censored {
  cap,      ///< their t_star, which is the cap, as in the paper
  drop,     ///< nothing: they are left out
  survival  ///< longer than the steps they ran, by an unknown number
};

constexpr auto enum_names(Censored) {
  using enum Censored;
  return EnumNames{"way to take censored rows",
                   std::to_array<EnumName<Censored>>(
                       {{cap, "cap"}, {drop, "drop"}, {survival, "survival"}})};
}

/// Those of `rows` that a model is fitted on.
std::vector<RowIndex> rows_to_fit(const MetaTable& table,
                                  std::span<const RowIndex> rows,
                                  Censored censored);

struct ModelSettings {
  BoosterSettings booster;
  bool ridge_base = false;
  Censored censored = Censored::cap;
};

/// As the paper has it: no base, 200 trees of depth 4.
ModelSettings paper_settings(std::uint64_t seed);

/// For the extended features: chosen by cross-validation, docs/predictor.md.
ModelSettings extended_settings(std::uint64_t seed);

struct Model {
  FeatureSet features;
  ModelSettings settings;
  ByFamily<Ranges> ranges;  ///< of the features in the rows it was fitted on
  std::optional<RidgeBase> base;
  Booster booster;

  /// Fits on the given rows, of which at least one must be left by
  /// settings.censored. With early stopping a tenth of the trajectories tells
  /// how many trees there should be; they are then grown on all rows.
  static Model fit(const MetaTable& table, std::span<const RowIndex> rows,
                   const FeatureSet& features, const ModelSettings& settings);

  /// log T*, one a row.
  std::vector<float> predict_log(const MetaTable& table,
                                 std::span<const RowIndex> rows) const;
  /// Steps, in [1, kMaxSteps].
  std::vector<double> predict_steps(const MetaTable& table,
                                    std::span<const RowIndex> rows) const;
  /// What each feature adds to log T* (SHAP, the base's part included): a row
  /// each, a column a feature, then the constant; a row's sum is predict_log().
  Matrix contributions(const MetaTable& table,
                       std::span<const RowIndex> rows) const;
};

}  // namespace cape
