#include "run/inventory.h"

#include <bit>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/hash.h"
#include "shard/reader.h"
#include "trainer_client/rows.h"

namespace cape::run {
namespace {

/// The bit of a criterion in trajectory `index`; 0 when it has none.
trial::CriterionMask bit_of(const grid::Grid& grid, std::int64_t index,
                            const trial::Criterion& criterion) {
  const grid::TrialGroup group = grid.group(index / grid.config().grid.trials);
  for (std::size_t c = 0; c < group.criteria.size(); ++c) {
    if (group.criteria[c] == criterion) return trial::CriterionMask{1} << c;
  }
  return 0;
}

/// What is kept of a row until its whole shard has been read.
struct Found {
  std::int64_t index;  ///< of the trajectory; -1: of other settings
  trial::CriterionMask bit;
  bool converged;
  std::int32_t steps;  ///< of the trajectory up to this epsilon
  double seconds;      ///< that they took; NaN: unknown
};

/// By trajectory, the row that saw most of its steps.
using LongestRows = std::map<std::int64_t, Found>;

Found look_up(const grid::Grid& grid, const shard::Row& row) {
  const auto index = grid.find(row.trajectory.view());
  const trial::Criterion criterion = trainer_client::criterion_of(row);
  const trial::CriterionMask bit = index ? bit_of(grid, *index, criterion) : 0;
  if (bit == 0 ||
      row.key.view() != trial::cell_key(row.trajectory.view(), criterion)) {
    return {-1, 0, false, 0, 0};
  }
  const double steps = row.steps_run > 0 ? row.steps_run : std::nan("");
  double seconds = row.probe_seconds + row.step_seconds * steps;
  if (std::isfinite(row.evaluation_seconds)) {
    seconds += row.evaluation_seconds * row.epochs;
  }
  return {*index, bit, row.converged, row.steps_run, seconds};
}

void count(const Found& found, Inventory& inventory, LongestRows& longest) {
  if (found.index < 0) {
    ++inventory.other_rows;
    return;
  }
  trial::CriterionMask& mask = inventory.done[found.index];
  if ((mask & found.bit) != 0) return;  // measured twice: the same row
  mask |= found.bit;
  if (found.converged) inventory.converged[found.index] |= found.bit;
  Found& known = longest.try_emplace(found.index, found).first->second;
  if (found.steps > known.steps) known = found;
}

/// A trajectory takes as long as its longest row, once all rows are there.
void learn_speed(const grid::Grid& grid, const LongestRows& longest,
                 Inventory& inventory) {
  if (grid.config().workers.gflops > 0) return;
  for (const auto& [index, row] : longest) {
    const bool complete = inventory.done.at(index) == grid.all_criteria();
    if (!complete || !std::isfinite(row.seconds)) continue;
    inventory.speed.add(grid.family(index), grid.expected_flops(index),
                        row.seconds);
  }
}

/// What marks all parts of a division but for the part's number.
std::string division_mark(const grid::Grid& grid, std::int64_t parts) {
  // The trajectories in their order decide who does which.
  ContentHasher hasher;
  const std::int64_t trials = grid.config().grid.trials;
  for (std::int64_t g = 0; g < grid.groups(); ++g) {
    const std::string key = grid.trajectory_key(g * trials);
    hasher.update(key.data(), key.size());
  }
  const std::string end = std::to_string(trials);
  hasher.update(end.data(), end.size());
  return fmt::format("of{}-{}", parts, hasher.digest());
}

bool is_of_another_part(const std::filesystem::path& path, grid::Part part,
                        const std::string& division) {
  for (const auto& [name, mark] : shard::read_provenance(path).attributes) {
    if (name != kPartAttribute) continue;
    return mark.ends_with(division) &&
           mark != std::to_string(part.index) + division;
  }
  return false;
}

void count_shard(const grid::Grid& grid, const std::filesystem::path& path,
                 Inventory& inventory, LongestRows& longest) {
  std::vector<Found> found;
  shard::for_each_row(path, [&](const shard::Row& row) {
    found.push_back(look_up(grid, row));
  });
  for (const Found& row : found) count(row, inventory, longest);
}

}  // namespace

std::string part_mark(const grid::Grid& grid, grid::Part part) {
  return std::to_string(part.index) + division_mark(grid, part.count);
}

std::int64_t cells_in(const coordinator::DoneMap& map, grid::Part part) {
  std::int64_t cells = 0;
  for (const auto& [index, mask] : map) {
    if (index % part.count == part.index) cells += std::popcount(mask);
  }
  return cells;
}

Inventory take_inventory(const grid::Grid& grid,
                         const std::filesystem::path& directory,
                         grid::Part part) {
  Inventory inventory;
  inventory.speed = grid::SpeedEstimate(grid.config().workers.gflops);
  if (!std::filesystem::is_directory(directory)) return inventory;
  const std::string division =
      part.count > 1 ? division_mark(grid, part.count) : "";
  LongestRows longest;
  for (const auto& path : shard::shards_in(directory)) {
    ++inventory.shards;
    try {
      if (part.count > 1 && is_of_another_part(path, part, division)) {
        ++inventory.others;
      } else {
        count_shard(grid, path, inventory, longest);
      }
    } catch (const Error& error) {
      inventory.unreadable.emplace_back(path, error.what());
    }
  }
  learn_speed(grid, longest, inventory);
  for (worker::FailedTrial& trial : worker::read_quarantine(directory)) {
    const auto index = grid.find(trial.trajectory);
    if (!index) continue;
    trial::CriterionMask mask = 0;
    for (const trial::Criterion& criterion : trial.criteria) {
      mask |= bit_of(grid, *index, criterion);
    }
    const auto done = inventory.done.find(*index);
    if (done != inventory.done.end()) mask &= ~done->second;
    if (mask == 0) continue;
    inventory.failed[*index] |= mask;
    inventory.failures.emplace_back(*index, std::move(trial));
  }
  return inventory;
}

}  // namespace cape::run
