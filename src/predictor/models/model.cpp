#include "predictor/models/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <iterator>
#include <limits>

#include "core/error.h"
#include "predictor/data/folds.h"

namespace cape::predictor {
namespace {

/// The share of the trajectories that decides when to stop.
constexpr double kWatched = 0.1;

/// Rows with features, targets and margins, in the form that a booster needs.
struct Rows {
  Matrix x;
  std::vector<float> target;
  std::vector<float> upper;
  std::vector<float> margin;

  BoosterData data() const { return {x, target, margin, upper}; }
};

/// The features of `rows` in the form that the base uses: a value outside of
/// the range of its family is replaced by the nearest value in the range. A
/// weight that only two architectures have determined says nothing about a
/// third one far away.
Matrix clamp_to_ranges(const Model& model, const MetaTable& table,
                       std::span<const RowIndex> rows, Matrix x) {
  for (std::size_t i = 0; i < x.rows; ++i) {
    const Ranges& ranges = model.ranges.of(table.family(table.rows[rows[i]]));
    for (std::size_t j = 0; j < x.columns; ++j) {
      // NaN is the range of a feature that no row had, and limits nothing.
      x.at(i, j) = std::clamp(x.at(i, j), ranges[j].first, ranges[j].second);
    }
  }
  return x;
}

/// The T* of a censored row is greater than the steps it ran.
void set_bounds(const MetaTable& table, std::span<const RowIndex> rows,
                Rows& made) {
  made.upper = made.target;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MetaRow& row = table.rows[rows[i]];
    if (row.converged) continue;
    // The best epoch can be the last one that was seen to be better.
    const std::int32_t least =
        row.counts_epochs ? std::max(row.steps_run, 1) : row.steps_run + 1;
    made.target[i] = std::log(static_cast<float>(least));
    made.upper[i] = std::numeric_limits<float>::infinity();
  }
}

Rows make_rows(const MetaTable& table, std::span<const RowIndex> rows,
               const FeatureSet& features, const std::optional<RidgeBase>& base,
               const ModelSettings& settings) {
  Rows made = {.x = feature_matrix(table, rows, features),
               .target = log_steps(table, rows),
               .upper = {},
               .margin = {}};
  if (settings.censored == Censored::survival) set_bounds(table, rows, made);
  if (base) made.margin = base->predict(table, rows, made.x);
  return made;
}

int count_trees(const MetaTable& table, std::span<const RowIndex> rows,
                const FeatureSet& features,
                const std::optional<RidgeBase>& base,
                const ModelSettings& settings) {
  const std::vector<bool> is_watched =
      draw_trajectories(table, rows, kWatched, settings.booster.seed);
  std::vector<RowIndex> fitted;
  std::vector<RowIndex> watched;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    (is_watched[i] ? watched : fitted).push_back(rows[i]);
  }
  if (watched.empty() || fitted.empty()) return settings.booster.trees;
  return Booster::best_rounds(
      make_rows(table, fitted, features, base, settings).data(),
      make_rows(table, watched, features, base, settings).data(),
      settings.booster);
}

/// Those of each family; of all together where one regression is of all.
ByFamily<Ranges> ranges_of(const MetaTable& table,
                           std::span<const RowIndex> rows,
                           const FeatureSet& features, Base base) {
  const auto of = [&](std::span<const RowIndex> members) {
    return feature_ranges(table, members, features);
  };
  if (base == Base::together) return {of(rows), {}};
  return each_family(table, rows, of);
}

/// SHAP values of the trees, and of the base below them.
Matrix contributions_of_trees(const Model& model, const MetaTable& table,
                              std::span<const RowIndex> rows, const Matrix& x) {
  if (!model.base) return model.booster.contributions(x, {});
  const Matrix taken =
      clamp_to_ranges(model, table, rows, x);  // as the base sees x
  Matrix shares =
      model.booster.contributions(x, model.base->predict(table, rows, taken));
  // XGBoost counts the margin as a constant; here it is split among the
  // features of the base.
  for (std::size_t i = 0; i < x.rows; ++i) {
    const LinearModel& linear =
        model.base->of(table.family(table.rows[rows[i]]));
    for (std::size_t j = 0; j < x.columns; ++j) {
      const double value = taken.at(i, j);
      if (std::isnan(value)) continue;
      const auto share =
          static_cast<float>(linear.weights[j] * (value - linear.means[j]));
      shares.at(i, j) += share;
      shares.at(i, x.columns) -= share;
    }
  }
  return shares;
}

}  // namespace

std::vector<RowIndex> rows_to_fit(const MetaTable& table,
                                  std::span<const RowIndex> rows,
                                  Censored censored) {
  std::vector<RowIndex> wanted;
  std::ranges::copy_if(rows, std::back_inserter(wanted), [&](RowIndex row) {
    return censored != Censored::drop || table.rows[row].converged;
  });
  return wanted;
}

bool has_perceptrons(const ModelSettings& settings, std::size_t rows) {
  // Open intervals are no values to learn, and of few rows it learns less than
  // the regression below the trees.
  return !settings.perceptrons.empty() &&
         settings.censored != Censored::survival &&
         rows >= kFewestRowsOfPerceptron;
}

std::string describe_perceptrons(std::size_t count) {
  return count == 1 ? "a perceptron" : fmt::format("{} perceptrons", count);
}

ModelSettings paper_settings(std::uint64_t seed) {
  return {.booster = {.seed = seed}};
}

PerceptronSettings perceptron_settings(std::uint64_t seed) {
  return {.hidden = {128, 64},
          .activation = PerceptronActivation::silu,
          .learning_rate = 1e-2,
          .cosine = true,
          .l2 = 0,
          .dropout = 0.1,
          .huber_delta = 0.2,
          .clipped = 0.005,
          .epochs = 15,
          .batch = 1024,
          .batches = 80,
          .updates = 1200,
          .held_out = 0,
          .seed = seed};
}

PerceptronSettings embedding_perceptron_settings(std::uint64_t seed) {
  PerceptronSettings settings = perceptron_settings(seed);
  settings.embedding = {.hidden = 4, .outputs = 4};
  settings.epochs = 10;
  settings.updates = 800;
  return settings;
}

ModelSettings extended_settings(std::uint64_t seed) {
  return {.booster = {.trees = 500,
                      .depth = 6,
                      .learning_rate = 0.1,
                      .subsample = 0.8,
                      .colsample_bytree = 0.8,
                      .min_child_weight = 20,
                      .early_stopping = 25,
                      .seed = seed}};
}

Model Model::fit(const MetaTable& table, std::span<const RowIndex> rows,
                 const FeatureSet& features, const ModelSettings& settings) {
  const std::vector<RowIndex> fitted =
      rows_to_fit(table, rows, settings.censored);
  if (fitted.empty()) fail_user("no row converged; fit with --censored cap");
  std::optional<RidgeBase> base;
  if (settings.base != Base::none) {
    base = RidgeBase::fit(table, fitted, features, settings.base);
  }
  BoosterSettings booster = settings.booster;
  if (settings.censored == Censored::survival) {
    booster.objective = BoosterObjective::survival;
  }
  if (booster.early_stopping > 0) {
    ModelSettings counted = settings;
    counted.booster = booster;
    booster.trees = count_trees(table, fitted, features, base, counted);
  }
  const Rows made = make_rows(table, fitted, features, base, settings);
  // Perceptrons take one thread, so that the trees need not wait for them.
  std::future<std::vector<Perceptron>> beside;
  if (has_perceptrons(settings, fitted.size())) {
    beside = std::async(std::launch::async, [&] {
      std::vector<Perceptron> perceptrons;
      for (const PerceptronSettings& one : settings.perceptrons) {
        perceptrons.emplace_back(made.x, made.target, one);
      }
      return perceptrons;
    });
  }
  Booster trained = Booster::train(made.data(), features.names(), booster);
  std::vector<Perceptron> perceptrons;
  if (beside.valid()) perceptrons = beside.get();
  ModelSettings used = settings;
  used.booster = booster;
  return {.features = features,
          .settings = used,
          .ranges = ranges_of(table, fitted, features, settings.base),
          .base = std::move(base),
          .booster = std::move(trained),
          .perceptrons = std::move(perceptrons)};
}

std::vector<float> Model::predict_log(const MetaTable& table,
                                      std::span<const RowIndex> rows) const {
  const Matrix x = feature_matrix(table, rows, features);
  std::vector<float> logs =
      base ? booster.predict(
                 x, base->predict(table, rows,
                                  clamp_to_ranges(*this, table, rows, x)))
           : booster.predict(x, {});
  for (const Perceptron& perceptron : perceptrons) {
    const std::vector<double> others = perceptron.predict(x);
    for (std::size_t i = 0; i < logs.size(); ++i) {
      logs[i] += static_cast<float>(others[i]);
    }
  }
  for (float& value : logs) value /= static_cast<float>(1 + perceptrons.size());
  return logs;
}

std::vector<double> Model::predict_steps(const MetaTable& table,
                                         std::span<const RowIndex> rows) const {
  std::vector<double> steps;
  steps.reserve(rows.size());
  for (const float value : predict_log(table, rows)) {
    steps.push_back(steps_from_log(value, table.rows[rows[steps.size()]]));
  }
  return steps;
}

Matrix Model::contributions(const MetaTable& table,
                            std::span<const RowIndex> rows) const {
  const Matrix x = feature_matrix(table, rows, features);
  Matrix shares = contributions_of_trees(*this, table, rows, x);
  for (const Perceptron& perceptron : perceptrons) {
    const Matrix others = perceptron.contributions(x);
    for (std::size_t i = 0; i < shares.values.size(); ++i) {
      shares.values[i] += others.values[i];
    }
  }
  for (float& share : shares.values) {
    share /= static_cast<float>(1 + perceptrons.size());
  }
  return shares;
}

}  // namespace cape::predictor
