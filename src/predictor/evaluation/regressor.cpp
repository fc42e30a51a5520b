#include "predictor/evaluation/regressor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "core/random.h"
#include "predictor/evaluation/svr.h"
#include "predictor/models/linear.h"
#include "predictor/models/perceptron.h"

namespace cape::predictor {
namespace {

using Positions = std::vector<std::size_t>;

/// The time of SVR grows with the square of the rows.
constexpr std::size_t kMostSvrRows = 20'000;

/// The positions in `rows` of each family's rows.
std::map<std::uint32_t, Positions> by_family(const MetaTable& table,
                                             std::span<const RowIndex> rows) {
  std::map<std::uint32_t, Positions> positions;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    positions[table.rows[rows[i]].family].push_back(i);
  }
  return positions;
}

std::vector<RowIndex> pick(std::span<const RowIndex> rows,
                           const Positions& positions) {
  std::vector<RowIndex> picked;
  picked.reserve(positions.size());
  for (const std::size_t i : positions) picked.push_back(rows[i]);
  return picked;
}

/// The result when there is nothing to learn from.
std::vector<double> predict_nothing(const MetaTable& /*table*/,
                                    std::span<const RowIndex> rows) {
  return std::vector<double>(rows.size(),
                             std::numeric_limits<double>::quiet_NaN());
}

std::vector<double> predict_by_family(
    const std::map<std::uint32_t, Predict>& models, const MetaTable& table,
    std::span<const RowIndex> rows) {
  std::vector<double> predicted = predict_nothing(table, rows);
  for (const auto& [family, positions] : by_family(table, rows)) {
    const auto model = models.find(family);
    if (model == models.end()) continue;
    const std::vector<double> part =
        model->second(table, pick(rows, positions));
    for (std::size_t i = 0; i < part.size(); ++i) {
      predicted[positions[i]] = part[i];
    }
  }
  return predicted;
}

std::vector<float> targets(const MetaTable& table,
                           std::span<const RowIndex> rows, Target target) {
  std::vector<float> values = log_steps(table, rows);
  if (target == Target::steps) {
    for (float& value : values) value = std::exp(value);
  }
  return values;
}

/// Makes a Fit from a function on matrices: `fit(x, target)` returns an object
/// that has `predict(x)`.
template <class FitMatrix>
Fit fit_matrix(const FeatureSet& features, Target target, FitMatrix fit) {
  return [=](const MetaTable& table,
             std::span<const RowIndex> rows) -> Predict {
    if (features.features.empty()) return predict_nothing;
    auto model = std::make_shared<const decltype(fit({0, 0}, {}))>(fit(
        feature_matrix(table, rows, features), targets(table, rows, target)));
    return [=](const MetaTable& of, std::span<const RowIndex> wanted) {
      std::vector<double> steps;
      steps.reserve(wanted.size());
      for (const double value :
           model->predict(feature_matrix(of, wanted, features))) {
        const MetaRow& row = of.rows[wanted[steps.size()]];
        steps.push_back(target == Target::steps ? clip_steps(value, row)
                                                : steps_from_log(value, row));
      }
      return steps;
    };
  };
}

Fit fit_linear_model(const FeatureSet& features, double penalty,
                     Target target) {
  return fit_matrix(
      features, target, [=](const Matrix& x, const std::vector<float>& y) {
        return fit_linear(x, y, std::vector<double>(x.columns, penalty));
      });
}

/// Fits on a random part of the rows if there are more than `most`.
Fit fit_at_most(std::size_t most, std::uint64_t seed, Fit fit) {
  return [=, fit = std::move(fit)](const MetaTable& table,
                                   std::span<const RowIndex> rows) {
    if (rows.size() <= most) return fit(table, rows);
    Positions drawn;
    for (const std::int64_t i : Random(seed).sample(
             std::ssize(rows), static_cast<std::int64_t>(most))) {
      drawn.push_back(static_cast<std::size_t>(i));
    }
    return fit(table, pick(rows, drawn));
  };
}

}  // namespace

Fit fit_model(const FeatureSet& features, const ModelSettings& settings) {
  return
      [=](const MetaTable& table, std::span<const RowIndex> rows) -> Predict {
        if (features.features.empty() ||
            rows_to_fit(table, rows, settings.censored).empty()) {
          return predict_nothing;
        }
        auto model = std::make_shared<const Model>(
            Model::fit(table, rows, features, settings));
        return [model](const MetaTable& of, std::span<const RowIndex> wanted) {
          return model->predict_steps(of, wanted);
        };
      };
}

Fit fit_by_family(Fit fit) {
  return [fit = std::move(fit)](const MetaTable& table,
                                std::span<const RowIndex> rows) -> Predict {
    std::map<std::uint32_t, Predict> models;
    for (const auto& [family, positions] : by_family(table, rows)) {
      models.emplace(family, fit(table, pick(rows, positions)));
    }
    return [models = std::move(models)](const MetaTable& of,
                                        std::span<const RowIndex> wanted) {
      return predict_by_family(models, of, wanted);
    };
  };
}

Fit fit_boosted_trees(const FeatureSet& features,
                      const BoosterSettings& settings, Target target) {
  return fit_matrix(features, target,
                    [names = features.names(), settings](
                        const Matrix& x, const std::vector<float>& y) {
                      return Booster::train({x, y}, names, settings);
                    });
}

BoosterSettings forest_settings(int trees, int depth, std::uint64_t seed) {
  return {.trees = 1,
          .depth = depth,
          .learning_rate = 1,
          .subsample = 0.632,
          .colsample_bytree = 1,
          .lambda = 0,
          .parallel_trees = trees,
          .seed = seed};
}

std::vector<Regressor> paper_regressors(const FeatureSet& features,
                                        std::uint64_t seed, Target target) {
  const BoosterSettings boosted = {.trees = 500, .depth = 6, .seed = seed};
  const Fit svr = fit_matrix(
      features, target, [](const Matrix& x, const std::vector<float>& y) {
        return SupportVectorRegression(x, y, SvrSettings{});
      });
  const Fit perceptron = fit_matrix(
      features, target, [seed](const Matrix& x, const std::vector<float>& y) {
        return Perceptron(x, y, PerceptronSettings{.seed = seed});
      });
  const std::string set = "_" + features.name;
  return {
      {"xgboost_500" + set, "XGBoost, 500 trees of depth 6",
       fit_boosted_trees(features, boosted, target)},
      {"random_forest" + set, "random forest, 300 trees of depth 12",
       fit_boosted_trees(features, forest_settings(300, 12, seed), target)},
      {"mlp_regressor" + set, "perceptron 256-128, Adam, early stopping",
       perceptron},
      {"svr" + set, "SVR, RBF kernel, C 10, epsilon 0.1",
       fit_at_most(kMostSvrRows, seed, svr)},
      {"ridge" + set, "ridge regression, alpha 1",
       fit_linear_model(features, 1, target)},
      {"linear" + set, "linear regression",
       fit_linear_model(features, 0, target)},
  };
}

}  // namespace cape::predictor
