/// When the count of a row ends: the unit of work that the farm hands out. A
/// trajectory serves several criteria, and each of them is one row.
///
/// A new criterion is a struct here and an alternative of the variant; the
/// compiler then asks for the rest.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cape::trial {

/// The loss is at most this fraction of the initial loss.
struct Epsilon {
  double value = 0;

  bool operator==(const Epsilon&) const = default;
};

/// No validation loss has been below the best one by more than min_delta for
/// `patience` epochs.
struct EarlyStopping {
  std::int64_t patience = 5;  ///< epochs
  double min_delta = 1e-4;

  bool operator==(const EarlyStopping&) const = default;
};

using Criterion = std::variant<Epsilon, EarlyStopping>;

/// "epsilon", "early_stopping".
std::string name_of(const Criterion& criterion);

/// Which of a trajectory's criteria, as bits.
using CriterionMask = std::uint64_t;
inline constexpr std::size_t kMaxCriteria = 64;

/// The epsilon of a criterion. Throws Error where it has none.
double epsilon_of(const Criterion& criterion);

/// A criterion for each epsilon.
std::vector<Criterion> criteria_of(const std::vector<double>& epsilons);

/// An epsilon is a number; other criteria are objects.
nlohmann::json to_json(const Criterion& criterion);

/// The inverse of to_json. Throws nlohmann's exceptions for anything else.
Criterion criterion_from(const nlohmann::json& json);

/// The key of one row: the hash of its trajectory's key and its criterion, 32
/// hexadecimal digits.
std::string cell_key(std::string_view trajectory_key,
                     const Criterion& criterion);

}  // namespace cape::trial
