#include "trial/target.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/overloaded.h"

namespace cape::trial {

const std::vector<std::string>& target_names() {
  static const std::vector<std::string> names = {BatchSteps::kName,
                                                 FullTraining::kName};
  static_assert(std::variant_size_v<Target> == 2);
  return names;
}

std::string name_of(const Target& target) {
  return std::visit([](const auto& t) { return std::string(t.kName); }, target);
}

std::int64_t loss_samples(const FullTraining& training) {
  return std::min(training.kLossSamples, training.samples);
}

std::int64_t steps_per_epoch(const FullTraining& training,
                             std::int64_t batch_size) {
  return training.samples / batch_size;
}

std::int64_t max_steps_of(const Target& target, std::int64_t batch_size) {
  return std::visit(
      Overloaded{[](const BatchSteps& steps) { return steps.max_steps; },
                 [&](const FullTraining& training) {
                   return training.max_epochs *
                          steps_per_epoch(training, batch_size);
                 }},
      target);
}

nlohmann::json to_json(const Target& target) {
  nlohmann::json json = identity_of(target);
  std::visit(Overloaded{[&](const BatchSteps& steps) {
                          json["record_at_least"] = steps.record_at_least;
                        },
                        [&](const FullTraining& training) {
                          json["stop_after"] = training.stop_after;
                          json["samples"] = training.samples;
                          json["split_seed"] = training.split_seed;
                        }},
             target);
  return json;
}

nlohmann::json identity_of(const Target& target) {
  return std::visit(
      Overloaded{[](const BatchSteps& steps) {
                   return nlohmann::json{
                       {"target", steps.kName},
                       {"max_steps", steps.max_steps},
                       {"plateau_window", steps.plateau_window},
                       {"plateau_tolerance", steps.plateau_tolerance}};
                 },
                 [](const FullTraining& training) {
                   return nlohmann::json{
                       {"target", training.kName},
                       {"max_epochs", training.max_epochs},
                       {"patience", training.patience},
                       {"min_delta", training.min_delta},
                       {"validation_samples", training.validation_samples}};
                 }},
      target);
}

Target target_from(const nlohmann::json& json) {
  static_assert(std::variant_size_v<Target> == 2);  // else tell them apart
  const std::string name = json.at("target");
  if (name == FullTraining::kName) {
    return FullTraining{
        .max_epochs = whole_number(json.at("max_epochs")),
        .patience = whole_number(json.at("patience")),
        .min_delta = json.at("min_delta"),
        .validation_samples = whole_number(json.at("validation_samples")),
        .stop_after = whole_number(json.at("stop_after")),
        .samples = whole_number(json.at("samples")),
        .split_seed =
            static_cast<std::uint64_t>(whole_number(json.at("split_seed")))};
  }
  if (name != BatchSteps::kName) {
    fail("this program cannot measure the target '{}'", name);
  }
  return BatchSteps{
      .max_steps = whole_number(json.at("max_steps")),
      .plateau_window = whole_number(json.at("plateau_window")),
      .plateau_tolerance = json.at("plateau_tolerance"),
      .record_at_least = whole_number(json.at("record_at_least"))};
}

}  // namespace cape::trial
