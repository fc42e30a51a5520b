#include "trial/criterion.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/hash.h"
#include "core/overloaded.h"

namespace cape::trial {

double epsilon_of(const Criterion& criterion) {
  return std::visit(
      Overloaded{[](const Epsilon& epsilon) { return epsilon.value; }},
      criterion);
}

std::vector<Criterion> criteria_of(const std::vector<double>& epsilons) {
  std::vector<Criterion> criteria;
  criteria.reserve(epsilons.size());
  for (const double value : epsilons) criteria.emplace_back(Epsilon{value});
  return criteria;
}

nlohmann::json to_json(const Criterion& criterion) {
  return std::visit(Overloaded{[](const Epsilon& epsilon) {
                      return nlohmann::json(epsilon.value);
                    }},
                    criterion);
}

Criterion criterion_from(const nlohmann::json& json) {
  static_assert(std::variant_size_v<Criterion> == 1);  // else tell them apart
  return Epsilon{json.get<double>()};
}

std::string cell_key(std::string_view trajectory_key,
                     const Criterion& criterion) {
  // Frozen: the keys of all rows that were ever measured are made so.
  return content_hash(std::visit(Overloaded{[&](const Epsilon& epsilon) {
                                   return fmt::format("{}/{}", trajectory_key,
                                                      epsilon.value);
                                 }},
                                 criterion));
}

}  // namespace cape::trial
