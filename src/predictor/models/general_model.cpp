#include "predictor/models/general_model.h"

#include <cmath>

namespace cape::predictor {

Novelty GeneralModel::novelty_of(const MetaTable& table,
                                 const MetaRow& row) const {
  const bool kind_is_new = !kinds.contains(table.kind(row));
  const bool source_is_new = !datasets.contains(table.dataset(row));
  if (kind_is_new && source_is_new) return Novelty::both;
  if (kind_is_new) return Novelty::kind;
  return source_is_new ? Novelty::source : Novelty::none;
}

std::vector<double> spreads_from(const Booster& spread, const Matrix& x) {
  std::vector<double> spreads;
  for (const float value : spread.predict(x)) {
    spreads.push_back(std::exp(value));
  }
  return spreads;
}

std::vector<double> probabilities_from(const Booster& convergence,
                                       const Matrix& x) {
  std::vector<double> probabilities;
  for (const float odds : convergence.predict(x)) {
    probabilities.push_back(1 / (1 + std::exp(-double{odds})));
  }
  return probabilities;
}

float log_spread(double residual) {
  // Without it the logarithms of rows that happen to be met exactly, which say
  // nothing of how sure a prediction is, would decide.
  constexpr double kLeast = 0.05;
  return static_cast<float>(std::log(std::abs(residual) + kLeast));
}

ModelSettings general_settings(std::uint64_t seed) {
  return {.booster = {.objective = BoosterObjective::huber,
                      .trees = 250,
                      .depth = 6,
                      .learning_rate = 0.2,
                      .subsample = 0.8,
                      .colsample_bytree = 0.6,
                      .min_child_weight = 10,
                      .bins = 32,
                      .seed = seed},
          .censored = Censored::drop,
          .perceptrons = {embedding_perceptron_settings(seed),
                          embedding_perceptron_settings(seed + 1)}};
}

ModelSettings first_steps_settings(std::uint64_t seed) {
  ModelSettings settings = general_settings(seed);
  settings.perceptrons = {perceptron_settings(seed)};
  return settings;
}

ModelSettings training_settings(std::uint64_t seed) {
  return {.booster = {.trees = 200,
                      .depth = 6,
                      .learning_rate = 0.05,
                      .subsample = 0.8,
                      .colsample_bytree = 0.6,
                      .min_child_weight = 20,
                      .bins = 32,
                      .seed = seed},
          .base = Base::together,
          .censored = Censored::drop,
          .perceptrons = {perceptron_settings(seed)}};
}

BoosterSettings spread_settings(std::uint64_t seed) {
  return {.trees = 75,
          .depth = 4,
          .learning_rate = 0.1,
          .subsample = 0.8,
          .colsample_bytree = 0.6,
          .min_child_weight = 30,
          .bins = 32,
          .seed = seed};
}

BoosterSettings convergence_settings(std::uint64_t seed) {
  BoosterSettings settings = spread_settings(seed);
  settings.objective = BoosterObjective::logistic;
  settings.min_child_weight = 1;
  return settings;
}

}  // namespace cape::predictor
