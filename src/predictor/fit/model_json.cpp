// Writes metrics.json and cape.json.

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/json.h"
#include "core/units.h"
#include "core/version.h"
#include "predictor/artifact/linear_json.h"
#include "predictor/fit/model_dir.h"

namespace cape::predictor {
namespace {

// Keeps the order in which keys are written, since people read these files too.
using Json = nlohmann::ordered_json;

Json to_json(const Metrics& metrics) {
  return {{"mae", metrics.mae},
          {"rmse", metrics.rmse},
          {"median_ae", metrics.median_ae},
          {"r2", metrics.r2},  // NaN is written as null
          {"avg_accuracy", metrics.avg_accuracy},
          {"rows", metrics.rows}};
}

Json to_json(const ModelSettings& settings) {
  const BoosterSettings& booster = settings.booster;
  return {{"trees", booster.trees},
          {"depth", booster.depth},
          {"learning_rate", booster.learning_rate},
          {"subsample", booster.subsample},
          {"colsample_bytree", booster.colsample_bytree},
          {"min_child_weight", booster.min_child_weight},
          {"lambda", booster.lambda},
          {"alpha", booster.alpha},
          {"bins", booster.bins},
          {"early_stopping", booster.early_stopping},
          {"censored", settings.censored},
          {"seed", booster.seed}};
}

/// {"overall": .., "families": {family: ..}}, each written by `write`.
template <class T, class Write>
Json by_family_json(const ByFamily<T>& all, const Write& write) {
  Json families = Json::object();
  for (const auto& [family, one] : all.families) families[family] = write(one);
  return {{"overall", write(all.overall)}, {"families", families}};
}

/// Null without a base.
Json base_json(const Model& model) {
  if (!model.base) return nullptr;
  return by_family_json(*model.base, [](const LinearModel& linear) {
    return linear_json<Json>(linear);
  });
}

/// {feature: [least, greatest]}.
Json to_json(const Ranges& ranges, const FeatureSet& features) {
  Json json = Json::object();
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const auto& [least, greatest] = ranges[i];
    json[std::string(features.features[i].name)] = {least, greatest};
  }
  return json;
}

Json intervals_json(const Predictor& predictor) {
  Json json = {{"level", predictor.level}};
  for (const auto& [scheme, offsets] : predictor.offsets) {
    json[to_string(scheme)] = by_family_json(offsets, [](const Offsets& one) {
      return Json{one.lower, one.upper};
    });
  }
  return json;
}

/// The names of the files beside cape.json that hold a general model.
Json general_models_json(const FitResult& result) {
  Json json = Json::array();
  if (result.predictor.general) json.push_back("general.json");
  for (const auto& [steps, fitted] : result.first_steps) {
    json.push_back(first_steps_file(steps));
  }
  return json;
}

Json inputs_json(const FitResult& result) {
  Json json = Json::array();
  for (const InputSummary& input : result.inputs.files) {
    json.push_back({{"path", input.path.string()}, {"rows", input.rows}});
  }
  return json;
}

}  // namespace

std::string metrics_json(const FitResult& result) {
  Json json;
  for (const Evaluation& evaluation : result.comparison.evaluations) {
    Json& groups = json[to_string(evaluation.scheme)][evaluation.model];
    for (const MetricGroup& group : evaluation.groups) {
      groups[group.name()] = to_json(group.metrics);
    }
  }
  return to_text(json, 2) + "\n";
}

std::string cape_json(const FitResult& result) {
  const Inputs& inputs = result.inputs;
  const Model& model = result.predictor.model;
  const Json json = {
      {"schema_version", kModelSchemaVersion},
      {"program", fmt::format("cape_fit {}", kVersion)},
      {"git_commit", kGitCommit},
      {"created", utc_now()},
      {"model", kept_name(result.options.comparison)},
      {"target", "log(t_star)"},
      {"training_settings", result.predictor.settings},
      {"feature_set", model.features.name},
      {"features", model.features.names()},
      {"base", base_json(model)},
      {"perceptron", !model.perceptrons.empty()},
      {"general_models", general_models_json(result)},
      {"ranges", by_family_json(model.ranges,
                                [&](const Ranges& ranges) {
                                  return to_json(ranges, model.features);
                                })},
      {"left_out", result.left_out},
      {"intervals", intervals_json(result.predictor)},
      {"settings", to_json(model.settings)},
      {"folds", result.options.comparison.folds},
      {"seed", result.options.comparison.seed},
      {"rows", inputs.rows.size()},
      {"more_rows", rows_with_more(inputs).size() - inputs.rows.size()},
      {"trajectories", count_trajectories(inputs.table, inputs.rows)},
      {"censored", count_censored(inputs.table, inputs.rows)},
      {"unusable", inputs.unusable},
      {"families", count_by(inputs.table, inputs.rows, &MetaTable::family)},
      {"datasets", result.predictor.datasets},
      {"architectures", result.predictor.architectures},
      {"optimizers", result.predictor.optimizers},
      {"inputs", inputs_json(result)}};
  return to_text(json, 2) + "\n";
}

}  // namespace cape::predictor
