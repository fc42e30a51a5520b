#include "trial/target.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/overloaded.h"

namespace cape::trial {

const std::vector<std::string>& target_names() {
  static const std::vector<std::string> names = {BatchSteps::kName};
  static_assert(std::variant_size_v<Target> == 1);
  return names;
}

std::string name_of(const Target& target) {
  return std::visit([](const auto& t) { return std::string(t.kName); }, target);
}

std::int64_t max_steps_of(const Target& target) {
  return std::visit([](const auto& t) { return t.max_steps; }, target);
}

nlohmann::json to_json(const Target& target) {
  nlohmann::json json = identity_of(target);
  std::visit(Overloaded{[&](const BatchSteps& steps) {
               json["record_at_least"] = steps.record_at_least;
             }},
             target);
  return json;
}

nlohmann::json identity_of(const Target& target) {
  return std::visit(Overloaded{[](const BatchSteps& steps) {
                      return nlohmann::json{
                          {"target", steps.kName},
                          {"max_steps", steps.max_steps},
                          {"plateau_window", steps.plateau_window},
                          {"plateau_tolerance", steps.plateau_tolerance}};
                    }},
                    target);
}

Target target_from(const nlohmann::json& json) {
  static_assert(std::variant_size_v<Target> == 1);  // else tell them apart
  const std::string name = json.at("target");
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
