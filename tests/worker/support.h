/// A farm within this process.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "coordinator/coordinator.h"
#include "grid/grid.h"
#include "trainer_client/support.h"
#include "worker/worker.h"

namespace cape {

/// To "<directory>/<prefix>-0000.h5" and so on, as `grid` has it.
Publisher make_publisher(
    const Grid& grid, const std::filesystem::path& directory,
    const std::string& prefix,
    std::function<Publisher::Clock::time_point()> now = Publisher::Clock::now);

/// A worker of `communicator`'s rank that publishes to `directory`.
std::unique_ptr<Worker> make_worker(
    const Grid& grid, Communicator& communicator,
    const std::filesystem::path& directory,
    const std::vector<TrainerCommand>& trainers);

struct FarmResult {
  ExitCode code;
  Tally tally;
  std::string early_reason;
};

struct FarmSetup {
  int ranks = 1;
  std::vector<TrainerCommand> trainers = {
      {.program = kFakeTrainer, .device = "cpu"}};  ///< of a rank
  std::vector<TrainerCommand> last_rank = {};       ///< empty: as the others
  DoneMap done = {};
};

/// Runs workers and coordinator to the end, in one thread.
FarmResult run_small_farm(const Grid& grid,
                          const std::filesystem::path& directory,
                          const FarmSetup& setup = {});

/// Polls until `done`; a failure when that takes a minute.
void poll_until(Worker& worker, const std::function<bool()>& done);

}  // namespace cape
