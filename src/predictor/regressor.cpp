#include "predictor/regressor.h"

#include <map>
#include <memory>
#include <utility>

#include "core/error.h"

namespace cape {
namespace {

using Positions = std::vector<std::size_t>;

/// Where in `rows` each family is.
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

std::vector<double> predict_by_family(
    const std::map<std::uint32_t, Predict>& models, const MetaTable& table,
    std::span<const RowIndex> rows) {
  std::vector<double> predicted(rows.size());
  for (const auto& [family, positions] : by_family(table, rows)) {
    const auto model = models.find(family);
    if (model == models.end()) {
      fail("no model was fitted for family {}", table.names.text(family));
    }
    const std::vector<double> part =
        model->second(table, pick(rows, positions));
    for (std::size_t i = 0; i < part.size(); ++i) {
      predicted[positions[i]] = part[i];
    }
  }
  return predicted;
}

}  // namespace

XgboostModel XgboostModel::fit(const MetaTable& table,
                               std::span<const RowIndex> rows,
                               const FeatureSet& features,
                               const BoosterSettings& settings) {
  return {Booster::train(feature_matrix(table, rows, features),
                         log_steps(table, rows), features.names(), settings),
          features};
}

std::vector<double> XgboostModel::predict_steps(
    const MetaTable& table, std::span<const RowIndex> rows) const {
  std::vector<double> steps;
  steps.reserve(rows.size());
  for (const float value :
       booster.predict(feature_matrix(table, rows, features))) {
    steps.push_back(steps_from_log(value));
  }
  return steps;
}

Fit fit_xgboost(const FeatureSet& features, const BoosterSettings& settings) {
  return
      [=](const MetaTable& table, std::span<const RowIndex> rows) -> Predict {
        auto model = std::make_shared<const XgboostModel>(
            XgboostModel::fit(table, rows, features, settings));
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

}  // namespace cape
