// metrics.json and cape.json.

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/units.h"
#include "core/version.h"
#include "predictor/model_dir.h"

namespace cape {
namespace {

// Keeps the order in which keys are written: people read these files too.
using Json = nlohmann::ordered_json;

Json to_json(const Metrics& metrics) {
  return {{"mae", metrics.mae},
          {"rmse", metrics.rmse},
          {"median_ae", metrics.median_ae},
          {"r2", metrics.r2},  // NaN is written as null
          {"avg_accuracy", metrics.avg_accuracy},
          {"rows", metrics.rows}};
}

const char* name_of(Censored censored) {
  switch (censored) {
    case Censored::cap:
      return "cap";
    case Censored::drop:
      return "drop";
    case Censored::survival:
      return "survival";
  }
  return "";
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
          {"early_stopping", booster.early_stopping},
          {"censored", name_of(settings.censored)},
          {"seed", booster.seed}};
}

Json to_json(const LinearModel& linear) {
  return {{"weights", linear.weights},
          {"missing", linear.means},
          {"intercept", linear.intercept}};
}

/// Null without a base.
Json base_json(const Model& model) {
  if (!model.base) return nullptr;
  Json within_range = Json::array();
  for (const Feature& feature : model.features.features) {
    if (!feature.extrapolates) within_range.push_back(feature.name);
  }
  Json families = Json::object();
  for (const auto& [family, linear] : model.base->families) {
    families[family] = to_json(linear);
  }
  return {{"within_range", within_range},
          {"overall", to_json(model.base->overall)},
          {"families", families}};
}

Json ranges_json(const Model& model) {
  Json json = Json::object();
  for (std::size_t i = 0; i < model.ranges.size(); ++i) {
    const auto& [least, greatest] = model.ranges[i];
    json[std::string(model.features.features[i].name)] = {least, greatest};
  }
  return json;
}

Json intervals_json(const FitResult& result) {
  Json json = {{"level", result.options.level}};
  for (const Intervals& intervals : result.intervals) {
    Json& families = json[intervals.scheme];
    for (const auto& [family, offsets] : intervals.offsets) {
      families[family] = {offsets.lower, offsets.upper};
    }
  }
  return json;
}

Json counts_json(const FitResult& result,
                 const std::string& (MetaTable::*name)(const MetaRow&) const) {
  Json json = Json::object();
  for (const auto& [text, count] :
       count_by(result.inputs.table, result.inputs.rows, name)) {
    json[text] = count;
  }
  return json;
}

/// {family: {architecture: rows}}; "" where rows do not name theirs.
Json architectures_json(const FitResult& result) {
  const MetaTable& table = result.inputs.table;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::int64_t> counts;
  for (const RowIndex i : result.inputs.rows) {
    ++counts[{table.rows[i].family, table.rows[i].architecture}];
  }
  std::map<std::string, std::map<std::string, std::int64_t>> by_name;
  for (const auto& [ids, count] : counts) {
    by_name[table.names.text(ids.first)][table.names.text(ids.second)] = count;
  }
  return by_name;
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
    Json& groups = json[evaluation.scheme][evaluation.model];
    for (const Group& group : evaluation.groups) {
      groups[group.name()] = to_json(group.metrics);
    }
  }
  return json.dump(2) + "\n";
}

std::string cape_json(const FitResult& result) {
  const Inputs& inputs = result.inputs;
  const Model& model = result.model;
  const Json json = {
      {"schema_version", kModelSchemaVersion},
      {"program", fmt::format("cape_fit {}", kVersion)},
      {"git_commit", kGitCommit},
      {"created", utc_now()},
      {"model", kept_name(result.options.comparison)},
      {"target", "log(t_star)"},
      {"max_steps", kMaxSteps},
      {"feature_set", model.features.name},
      {"features", model.features.names()},
      {"base", base_json(model)},
      {"ranges", ranges_json(model)},
      {"left_out", result.left_out},
      {"intervals", intervals_json(result)},
      {"settings", to_json(model.settings)},
      {"folds", result.options.comparison.folds},
      {"seed", result.options.comparison.seed},
      {"rows", inputs.rows.size()},
      {"trajectories", count_trajectories(inputs.table, inputs.rows)},
      {"censored", count_censored(inputs.table, inputs.rows)},
      {"unusable", inputs.unusable},
      {"families", counts_json(result, &MetaTable::family)},
      {"datasets", counts_json(result, &MetaTable::dataset)},
      {"architectures", architectures_json(result)},
      {"inputs", inputs_json(result)}};
  return json.dump(2) + "\n";
}

}  // namespace cape
