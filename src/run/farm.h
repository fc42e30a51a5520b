/// A whole run, as rank 0 starts it and as every rank takes part in it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/scheduler.h"
#include "grid/grid.h"
#include "messaging/communicator.h"
#include "run/progress.h"

namespace cape::run {

struct FarmOptions {
  std::filesystem::path directory;  ///< of the shards
  grid::Part part;
  std::optional<double> time_limit;  ///< seconds
  bool retry_failed = false;
  ProgressMode progress = ProgressMode::automatic;
  std::filesystem::path trainer;  ///< cape_trainer
};

/// Runs what is missing of `grid`: rank 0's side. Prints a summary to standard
/// output. Returns kExitDone, kExitSomeFailed or kExitStopped; throws UserError
/// before anything has started, and StoppedError when other ranks are lost.
ExitCode run_farm(messaging::Communicator& communicator, const grid::Grid& grid,
                  const FarmOptions& options);

/// Repeats the probes of the rows in options.directory that have an older one,
/// in the same way: rank 0's side.
ExitCode refresh_probes(messaging::Communicator& communicator,
                        const grid::Config& config,
                        const std::vector<datasets::DatasetInfo>& datasets,
                        const FarmOptions& options);

/// The side of every other rank: waits for rank 0 and does its share. Throws
/// StoppedError when rank 0 is lost.
void join_farm(messaging::Communicator& communicator);

}  // namespace cape::run
