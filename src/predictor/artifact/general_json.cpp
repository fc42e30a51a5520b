#include "predictor/artifact/general_json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "predictor/artifact/linear_json.h"
#include "predictor/artifact/perceptron_json.h"

namespace cape::predictor {
namespace {

using Json = nlohmann::ordered_json;  // people read it too

/// Version 2 has no base.
constexpr int kSchemaVersion = 6;
constexpr int kOldestVersion = 2;
constexpr int kFirstWithPerceptron = 4;

/// Null where it is not known.
Json offsets_json(const std::optional<Offsets>& offsets) {
  if (!offsets) return nullptr;
  return {offsets->lower, offsets->upper};
}

std::optional<Offsets> offsets_from(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return Offsets{json.at(0), json.at(1)};
}

Json errors_json(const NoveltyErrors& errors) {
  return {{"interval", offsets_json(errors.offsets)},
          {"median_factor", errors.median_factor},
          {"median_log_error", errors.median_log_error},
          {"avg_accuracy", errors.accuracy},
          {"covered", errors.covered},
          {"ratio", errors.ratio},
          {"brier", errors.brier},
          {"auc", errors.auc},
          {"kinds", errors.kinds},
          {"sources", errors.sources},
          {"rows", errors.rows}};
}

NoveltyErrors errors_from(const Json& json) {
  return {.offsets = offsets_from(json.at("interval")),
          .median_factor = number_or_nan(json.at("median_factor")),
          .median_log_error = number_or_nan(json.at("median_log_error")),
          .accuracy = number_or_nan(json.at("avg_accuracy")),
          .covered = number_or_nan(json.at("covered")),
          .ratio = number_or_nan(json.at("ratio")),
          .brier = number_or_nan(json.at("brier")),
          .auc = number_or_nan(json.at("auc")),
          .kinds = json.at("kinds"),
          .sources = json.at("sources"),
          .rows = json.at("rows")};
}

FeatureSet features_from(std::string name, const Json& ranges) {
  // Of versions before there were models of more steps.
  if (name == "first steps") name = first_steps_features(kFirstSteps.front());
  FeatureSet set = {name, {}};
  const std::vector<Feature> known = feature_set(name).features;
  for (const auto& [name, range] : ranges.items()) {
    const auto found = std::ranges::find(known, name, &Feature::name);
    if (found == known.end()) fail("unknown feature \"{}\"", name);
    set.features.push_back(*found);
  }
  return set;
}

/// The trees without what only their growing needs, which is a third of them:
/// neither predictions nor contributions use it.
Json booster_json(const Booster& booster) {
  Json json = Json::parse(booster.to_json());
  for (Json& tree :
       json.at("learner").at("gradient_booster").at("model").at("trees")) {
    for (const char* unused : {"base_weights", "loss_changes"}) {
      for (Json& value : tree.at(unused)) value = 0.0;
    }
  }
  return json;
}

/// Nothing of a model without one.
std::optional<RidgeBase> base_from(const Json& json, std::size_t features) {
  const auto found = json.find("base");
  if (found == json.end() || found->is_null()) return std::nullopt;
  return RidgeBase{{linear_from(*found, features), {}}};
}

}  // namespace

std::string to_json(const GeneralModel& general) {
  const Model& model = general.model;
  Json ranges = Json::object();
  for (std::size_t i = 0; i < model.features.size(); ++i) {
    const auto& [least, greatest] = model.ranges.overall[i];
    ranges[std::string(model.features.features[i].name)] = {least, greatest};
  }
  Json errors = Json::object();
  for (const auto& [novelty, one] : general.errors) {
    errors[to_string(novelty)] = errors_json(one);
  }
  return to_text(
      Json{{"schema_version", kSchemaVersion},
           {"features", model.features.name},
           {"ranges", ranges},
           {"kinds", general.kinds},
           {"datasets", general.datasets},
           {"optimizers", general.optimizers},
           {"left_out", errors},
           {"base", model.base ? linear_json<Json>(model.base->overall)
                               : Json(nullptr)},
           {"xgboost", booster_json(model.booster)},
           {"perceptron", perceptrons_json<Json>(model.perceptrons)},
           {"spread", booster_json(general.spread)},
           {"convergence", booster_json(general.convergence)}},
      -1);
}

GeneralModel general_model_from(std::string_view text, std::string_view name) {
  const Json json = Json::parse(text);
  const std::int64_t version = whole_number(json.at("schema_version"));
  if (version < kOldestVersion || version > kSchemaVersion) {
    fail_user("{}: schema_version is {}, this program reads {} to {}; {}", name,
              version, kOldestVersion, kSchemaVersion,
              version > kSchemaVersion ? "use a newer one" : "fit again");
  }
  FeatureSet features =
      features_from(json.at("features").get<std::string>(), json.at("ranges"));
  Ranges ranges;
  for (const auto& [name, range] : json.at("ranges").items()) {
    // Null where only rows that the model is not fitted on have the feature.
    ranges.emplace_back(static_cast<float>(number_or_nan(range.at(0))),
                        static_cast<float>(number_or_nan(range.at(1))));
  }
  const auto booster = [&](const char* name) {
    Booster read = Booster::from_json(json.at(name).dump());
    if (read.feature_names() != features.names()) {
      fail("the trees of \"{}\" have other features than the ranges", name);
    }
    return read;
  };
  std::optional<RidgeBase> base = base_from(json, features.size());
  std::vector<Perceptron> perceptrons;
  if (version >= kFirstWithPerceptron) {
    perceptrons = perceptrons_from(json.at("perceptron"), features.size());
  }
  Booster steps = booster("xgboost");
  Booster spread = booster("spread");
  Booster convergence = booster("convergence");
  GeneralModel general = {
      .model = {.features = std::move(features),
                .settings = {},
                .ranges = {.overall = std::move(ranges), .families = {}},
                .base = std::move(base),
                .booster = std::move(steps),
                .perceptrons = std::move(perceptrons)},
      .spread = std::move(spread),
      .convergence = std::move(convergence),
      .errors = {},
      .kinds = json.at("kinds"),
      .datasets = json.at("datasets"),
      .optimizers = json.at("optimizers")};
  for (const auto& [novelty, errors] : json.at("left_out").items()) {
    general.errors[parse_enum<Novelty>(novelty)] = errors_from(errors);
  }
  for (const Novelty novelty :
       {Novelty::none, Novelty::kind, Novelty::source, Novelty::both}) {
    if (!general.errors.contains(novelty)) {
      fail("no errors for \"{}\"", to_string(novelty));
    }
  }
  return general;
}

}  // namespace cape::predictor
