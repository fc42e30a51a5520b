/// The predictor itself: boosted trees on log T*, alone or on top of a ridge
/// regression; their answer may be averaged with those of perceptrons.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/enum_names.h"
#include "predictor/data/by_family.h"
#include "predictor/data/features.h"
#include "predictor/data/meta_table.h"
#include "predictor/models/perceptron.h"
#include "predictor/models/ridge_base.h"
#include "predictor/models/xgboost.h"

namespace cape::predictor {

/// How a fit treats rows that did not converge.
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

/// The rows among `rows` that a model is fitted on.
std::vector<RowIndex> rows_to_fit(const MetaTable& table,
                                  std::span<const RowIndex> rows,
                                  Censored censored);

inline constexpr std::size_t kFewestRowsOfPerceptron = 1000;

struct ModelSettings {
  BoosterSettings booster;
  Base base = Base::none;
  Censored censored = Censored::cap;
  /// Of the perceptrons whose answers are averaged with that of the trees, each
  /// with a seed of its own. None, fewer than kFewestRowsOfPerceptron rows, or
  /// Censored::survival: the trees answer alone.
  std::vector<PerceptronSettings> perceptrons = {};
};

/// Whether a fit of so many rows with these settings has perceptrons.
bool has_perceptrons(const ModelSettings& settings, std::size_t rows);

/// "a perceptron", "2 perceptrons"
std::string describe_perceptrons(std::size_t count);

/// The paper's settings: no base, 200 trees of depth 4.
ModelSettings paper_settings(std::uint64_t seed);

/// For the extended features; docs/predictor.md says how they were chosen.
ModelSettings extended_settings(std::uint64_t seed);

/// Of the network beside the trees; chosen for the general model. The second
/// has an embedding, which made its answers better for what was left out.
PerceptronSettings perceptron_settings(std::uint64_t seed);
PerceptronSettings embedding_perceptron_settings(std::uint64_t seed);

struct Model {
  FeatureSet features;
  ModelSettings settings;
  ByFamily<Ranges> ranges;  ///< of the features in the rows it was fitted on
  std::optional<RidgeBase> base;
  Booster booster;
  std::vector<Perceptron> perceptrons = {};

  /// Fits on the given rows, of which settings.censored must leave at least
  /// one. With early stopping a tenth of the trajectories decides how many
  /// trees are grown; these are then grown on all rows.
  static Model fit(const MetaTable& table, std::span<const RowIndex> rows,
                   const FeatureSet& features, const ModelSettings& settings);

  /// log T*, one value for each row.
  std::vector<float> predict_log(const MetaTable& table,
                                 std::span<const RowIndex> rows) const;
  /// Steps, in [1, cap].
  std::vector<double> predict_steps(const MetaTable& table,
                                    std::span<const RowIndex> rows) const;
  /// What each feature adds to log T* (SHAP, the base's part included; of
  /// perceptrons, integrated gradients). A row for each row, a column for each
  /// feature, then the constant; the sum of a row is predict_log().
  Matrix contributions(const MetaTable& table,
                       std::span<const RowIndex> rows) const;
};

}  // namespace cape::predictor
