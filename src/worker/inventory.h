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

namespace cape {

struct Inventory {
  DoneMap done;                       ///< measured: trajectory -> epsilons
  DoneMap failed;                     ///< quarantined and not measured since
  std::vector<FailedTrial> failures;  ///< what `failed` is made of
  std::int64_t shards = 0;
  std::int64_t rows = 0;       ///< cells of this grid, each counted once
  std::int64_t converged = 0;  ///< of those
  std::int64_t other_rows = 0;
  /// What the rows took, or the speed the configuration gives.
  SpeedEstimate speed;
  /// Shards that cannot be read, and why.
  std::vector<std::pair<std::filesystem::path, std::string>> unreadable;

  /// Cells of `part` that are done, that failed.
  std::int64_t done_cells(Part part) const;
  std::int64_t failed_cells(Part part) const;
};

/// Reads all shards and quarantine files in `directory`. A row counts when its
/// key is that of a cell of this grid; a shard that cannot be read is named and
/// left alone.
Inventory take_inventory(const Grid& grid,
                         const std::filesystem::path& directory);

}  // namespace cape
