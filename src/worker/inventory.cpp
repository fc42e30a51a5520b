#include "worker/inventory.h"

#include <bit>
#include <cmath>

#include "core/error.h"
#include "shard/reader.h"

namespace cape {
namespace {

/// The bit of `epsilon` in trajectory `index`; 0 when it has none.
EpsilonMask bit_of(const Grid& grid, std::int64_t index, double epsilon) {
  const Group group = grid.group(index / grid.config().grid.trials);
  for (std::size_t e = 0; e < group.epsilons.size(); ++e) {
    if (group.epsilons[e] == epsilon) return EpsilonMask{1} << e;
  }
  return 0;
}

void count_row(const Grid& grid, const shard::Row& row, Inventory& inventory) {
  const auto index = grid.find(row.trajectory.view());
  const EpsilonMask bit = index ? bit_of(grid, *index, row.epsilon) : 0;
  if (bit == 0 ||
      row.key.view() != cell_key(row.trajectory.view(), row.epsilon)) {
    ++inventory.other_rows;
    return;
  }
  EpsilonMask& mask = inventory.done[*index];
  if ((mask & bit) != 0) return;  // measured twice: the same row
  mask |= bit;
  if (row.converged) inventory.converged[*index] |= bit;
  // The row of its smallest epsilon saw all of a trajectory.
  if (grid.all_epsilons() != mask || row.steps_run == 0) return;
  const double seconds = row.probe_seconds + row.step_seconds * row.steps_run;
  if (std::isfinite(seconds) && grid.config().workers.gflops == 0) {
    inventory.speed.add(row.family.str(), grid.expected_flops(*index), seconds);
  }
}

}  // namespace

std::int64_t cells_in(const DoneMap& map, Part part) {
  std::int64_t cells = 0;
  for (const auto& [index, mask] : map) {
    if (index % part.count == part.index) cells += std::popcount(mask);
  }
  return cells;
}

Inventory take_inventory(const Grid& grid,
                         const std::filesystem::path& directory) {
  Inventory inventory;
  inventory.speed = SpeedEstimate(grid.config().workers.gflops);
  if (!std::filesystem::is_directory(directory)) return inventory;
  for (const auto& path : shard::shards_in(directory)) {
    ++inventory.shards;
    try {
      shard::for_each_row(path, [&](const shard::Row& row) {
        count_row(grid, row, inventory);
      });
    } catch (const Error& error) {
      inventory.unreadable.emplace_back(path, error.what());
    }
  }
  for (FailedTrial& trial : read_quarantine(directory)) {
    const auto index = grid.find(trial.trajectory);
    if (!index) continue;
    EpsilonMask mask = 0;
    for (const double epsilon : trial.epsilons) {
      mask |= bit_of(grid, *index, epsilon);
    }
    const auto done = inventory.done.find(*index);
    if (done != inventory.done.end()) mask &= ~done->second;
    if (mask == 0) continue;
    inventory.failed[*index] |= mask;
    inventory.failures.emplace_back(*index, std::move(trial));
  }
  return inventory;
}

}  // namespace cape
