#include "trial/criterion.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/overloaded.h"

namespace cape::trial {

namespace {

constexpr const char* kEarlyStopping = "early_stopping";

}  // namespace

std::string name_of(const Criterion& criterion) {
  return std::visit(
      Overloaded{[](const Epsilon&) { return "epsilon"; },
                 [](const EarlyStopping&) { return kEarlyStopping; }},
      criterion);
}

double epsilon_of(const Criterion& criterion) {
  const auto* const epsilon = std::get_if<Epsilon>(&criterion);
  if (epsilon == nullptr) {
    fail("the criterion {} has no epsilon", name_of(criterion));
  }
  return epsilon->value;
}

std::vector<Criterion> criteria_of(const std::vector<double>& epsilons) {
  std::vector<Criterion> criteria;
  criteria.reserve(epsilons.size());
  for (const double value : epsilons) criteria.emplace_back(Epsilon{value});
  return criteria;
}

nlohmann::json to_json(const Criterion& criterion) {
  return std::visit(
      Overloaded{
          [](const Epsilon& epsilon) { return nlohmann::json(epsilon.value); },
          [](const EarlyStopping& stopping) {
            return nlohmann::json{{kEarlyStopping,
                                   {{"patience", stopping.patience},
                                    {"min_delta", stopping.min_delta}}}};
          }},
      criterion);
}

Criterion criterion_from(const nlohmann::json& json) {
  static_assert(std::variant_size_v<Criterion> == 2);  // else tell them apart
  if (json.is_object()) {
    const nlohmann::json& stopping = json.at(kEarlyStopping);
    return EarlyStopping{.patience = whole_number(stopping.at("patience")),
                         .min_delta = stopping.at("min_delta")};
  }
  return Epsilon{json.get<double>()};
}

std::string cell_key(std::string_view trajectory_key,
                     const Criterion& criterion) {
  // Frozen: the keys of all rows that were ever measured are made so.
  return content_hash(std::visit(
      Overloaded{[&](const Epsilon& epsilon) {
                   return fmt::format("{}/{}", trajectory_key, epsilon.value);
                 },
                 [&](const EarlyStopping& stopping) {
                   return fmt::format("{}/{}/{}/{}", trajectory_key,
                                      kEarlyStopping, stopping.patience,
                                      stopping.min_delta);
                 }},
      criterion));
}

}  // namespace cape::trial
