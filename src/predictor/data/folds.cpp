#include "predictor/data/folds.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/random.h"

namespace cape::predictor {
namespace {

using Key = std::pair<std::string_view, std::string_view>;

Scheme parts_by_row(const MetaTable& table, SchemeName name) {
  const std::vector<int> none(table.rows.size(), kNeverHeldOut);
  return {.name = name,
          .part_of_row = none,
          .hidden_from = none,
          .parts = 0,
          .unavailable = {}};
}

/// Numbers the trajectories in random order, one family and data set after the
/// other, from 0 on.
std::map<std::string_view, std::size_t> shuffled_trajectories(
    const MetaTable& table, std::span<const RowIndex> rows,
    std::uint64_t seed) {
  std::map<Key, std::set<std::string_view>> strata;
  for (const RowIndex i : rows) {
    const MetaRow& row = table.rows[i];
    strata[{table.family(row), table.dataset(row)}].insert(
        table.trajectories.text(row.trajectory));
  }
  std::map<std::string_view, std::size_t> places;
  Random random(seed);
  for (const auto& [stratum, members] : strata) {
    const std::vector<std::string_view> sorted(members.begin(), members.end());
    const auto count = static_cast<std::int64_t>(sorted.size());
    for (const std::int64_t drawn : random.sample(count, count)) {
      places.emplace(sorted[static_cast<std::size_t>(drawn)], places.size());
    }
  }
  return places;
}

/// One part for each key; when there are more keys than `most_parts`, several
/// keys share a part.
template <class KeyOf>
Scheme parts_by_key(const MetaTable& table, std::span<const RowIndex> rows,
                    std::span<const RowIndex> more, SchemeName name,
                    int most_parts, KeyOf key_of) {
  Scheme scheme = parts_by_row(table, name);
  std::map<Key, int> parts;
  for (const RowIndex row : rows) parts[key_of(table.rows[row])] = 0;
  int next = 0;
  for (auto& [key, part] : parts) part = next++ % most_parts;
  for (const RowIndex row : rows) {
    scheme.part_of_row[row] = scheme.hidden_from[row] =
        parts.at(key_of(table.rows[row]));
  }
  for (const RowIndex row : more) {
    const auto found = parts.find(key_of(table.rows[row]));
    if (found != parts.end()) scheme.hidden_from[row] = found->second;
  }
  scheme.parts = std::min(next, most_parts);
  return scheme;
}

}  // namespace

Scheme kfold(const MetaTable& table, std::span<const RowIndex> rows, int folds,
             std::uint64_t seed) {
  const auto places = shuffled_trajectories(table, rows, seed);
  if (places.size() < static_cast<std::size_t>(folds)) {
    fail_user(
        "{} folds need {} trajectories or more, the input has {} ({} rows); "
        "give more input or fewer --folds",
        folds, folds, places.size(), rows.size());
  }
  Scheme scheme = parts_by_row(table, SchemeName::kfold);
  scheme.parts = folds;
  for (const RowIndex row : rows) {
    const std::string_view trajectory =
        table.trajectories.text(table.rows[row].trajectory);
    // Dealing continues from one stratum to the next, so that the folds stay
    // even.
    scheme.part_of_row[row] = scheme.hidden_from[row] = static_cast<int>(
        places.at(trajectory) % static_cast<std::size_t>(folds));
  }
  return scheme;
}

Scheme leave_one_dataset_out(const MetaTable& table,
                             std::span<const RowIndex> rows,
                             std::span<const RowIndex> more) {
  Scheme scheme = parts_by_key(
      table, rows, more, SchemeName::leave_one_dataset_out,
      std::numeric_limits<int>::max(),
      [&](const MetaRow& row) { return Key(table.dataset(row), ""); });
  if (scheme.parts < 2) {
    scheme.unavailable = fmt::format("all rows are of one data set ({})",
                                     table.dataset(table.rows[rows.front()]));
  }
  return scheme;
}

Scheme leave_one_architecture_out(const MetaTable& table,
                                  std::span<const RowIndex> rows,
                                  std::span<const RowIndex> more) {
  // A row without a name could be of any architecture.
  std::vector<RowIndex> named;
  std::ranges::copy_if(rows, std::back_inserter(named), [&](RowIndex row) {
    return !table.architecture(table.rows[row]).empty();
  });
  Scheme scheme =
      parts_by_key(table, named, more, SchemeName::leave_one_architecture_out,
                   kMostArchitectureParts, [&](const MetaRow& row) {
                     return Key(table.family(row), table.architecture(row));
                   });
  if (named.empty()) {
    scheme.unavailable = "the input does not name its architectures";
  } else if (scheme.parts < 2) {
    scheme.unavailable =
        fmt::format("all rows are of one architecture ({})",
                    table.architecture(table.rows[named.front()]));
  }
  return scheme;
}

std::vector<bool> draw_trajectories(const MetaTable& table,
                                    std::span<const RowIndex> rows,
                                    double fraction, std::uint64_t seed) {
  const auto places = shuffled_trajectories(table, rows, seed);
  std::vector<bool> drawn;
  drawn.reserve(rows.size());
  for (const RowIndex row : rows) {
    const auto place = static_cast<double>(
        places.at(table.trajectories.text(table.rows[row].trajectory)));
    // Draws one trajectory in 1 / fraction, which need not be whole.
    drawn.push_back(std::floor((place + 1) * fraction) >
                    std::floor(place * fraction));
  }
  return drawn;
}

}  // namespace cape::predictor
