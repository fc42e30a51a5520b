#include "predictor/folds.h"

#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/random.h"
#include "core/units.h"

namespace cape {

std::vector<int> assign_folds(const MetaTable& table, int folds,
                              std::uint64_t seed) {
  using Stratum = std::pair<std::string_view, std::string_view>;
  std::map<Stratum, std::set<std::string_view>> strata;
  for (const MetaRow& row : table.rows) {
    strata[{table.family(row), table.dataset(row)}].insert(
        table.trajectories.text(row.trajectory));
  }
  std::map<std::string_view, int> fold_of;
  Random random(seed);
  for (const auto& [stratum, members] : strata) {
    const std::vector<std::string_view> sorted(members.begin(), members.end());
    const auto count = static_cast<std::int64_t>(sorted.size());
    // Dealing goes on from stratum to stratum, so that the folds stay even.
    for (const std::int64_t drawn : random.sample(count, count)) {
      const int next = static_cast<int>(fold_of.size()) % folds;
      fold_of.emplace(sorted[static_cast<std::size_t>(drawn)], next);
    }
  }
  if (fold_of.size() < static_cast<std::size_t>(folds)) {
    fail_user(
        "{} folds need {} trajectories or more, the input has {} ({} rows); "
        "give more input or fewer --folds",
        folds, folds, fold_of.size(), table.rows.size());
  }
  std::vector<int> assigned;
  assigned.reserve(table.rows.size());
  for (const MetaRow& row : table.rows) {
    assigned.push_back(fold_of.at(table.trajectories.text(row.trajectory)));
  }
  return assigned;
}

}  // namespace cape
