/// What --plan and --status print: the grid and what is done of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "coordinator/scheduler.h"
#include "core/error.h"
#include "grid/grid.h"
#include "grid/speed.h"

namespace cape::run {

/// What is left of a part should cost this much.
struct Estimate {
  double trainer_seconds = 0;  ///< of one trainer
  double longest = 0;          ///< seconds of one trajectory, the most
  bool is_assumed = false;     ///< at a speed that nobody has measured
  bool has_unknown = false;    ///< of networks in files without any row yet
};

Estimate estimate(const grid::Grid& grid, grid::Part part,
                  const coordinator::DoneMap& done,
                  const grid::SpeedEstimate& speed);

/// "about 3 d 2 h (20 GFLOP/s a trainer assumed)", where so many trainers
/// compute at once; "..., perhaps much more: ..." with networks in files.
std::string to_text(const Estimate& estimate, std::int64_t at_once);

/// The grid, what of `part` is done in `directory`, and what the rest should
/// cost one trainer.
void print_plan(const grid::Grid& grid, grid::Part part,
                const std::filesystem::path& directory);

/// The rows in `directory` whose probes --refresh-probes would repeat, and what
/// that should cost one trainer: as long as their probes took before.
void print_refresh_plan(const grid::Config& config,
                        const std::vector<datasets::DatasetInfo>& datasets,
                        grid::Part part,
                        const std::filesystem::path& directory);

/// What `directory` holds of `part`, with failures and unreadable shards.
/// Returns what the run itself would: kExitDone, kExitSomeFailed (done but for
/// failures) or kExitStopped (something is left to do).
ExitCode print_status(const grid::Grid& grid, grid::Part part,
                      const std::filesystem::path& directory);

}  // namespace cape::run
