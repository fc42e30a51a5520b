/// What an output directory holds of a grid.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/scheduler.h"
#include "grid/grid.h"
#include "grid/speed.h"
#include "worker/quarantine.h"

namespace cape::run {

struct Inventory {
  coordinator::DoneMap done;    ///< measured: trajectory -> epsilons
  coordinator::DoneMap failed;  ///< quarantined and not measured since
  /// What `failed` is made of, by trajectory.
  std::vector<std::pair<std::int64_t, worker::FailedTrial>> failures;
  std::int64_t shards = 0;
  std::int64_t others = 0;         ///< of those: of other parts, not read
  coordinator::DoneMap converged;  ///< of `done`
  std::int64_t other_rows = 0;
  /// What the rows took, or the speed the configuration gives.
  grid::SpeedEstimate speed;
  /// Shards that cannot be read, and why.
  std::vector<std::pair<std::filesystem::path, std::string>> unreadable;
};

/// The cells of `part` in a map.
std::int64_t cells_in(const coordinator::DoneMap& map, grid::Part part);

/// The attribute of a shard that says which trajectories it is of, and its
/// value for a part of a grid: "1of4-<hash>".
inline constexpr const char* kPartAttribute = "part";
std::string part_mark(const grid::Grid& grid, grid::Part part);

/// Reads the shards and quarantine files in `directory` that may be of `part`:
/// those of the same grid's other parts are left out. A row counts when its key
/// is that of a cell of this grid; a shard that cannot be read is named and
/// left alone.
Inventory take_inventory(const grid::Grid& grid,
                         const std::filesystem::path& directory,
                         grid::Part part = {});

}  // namespace cape::run
