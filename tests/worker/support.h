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

namespace cape::worker {

/// To "<directory>/<prefix>-0000.h5" and so on, as `grid` has it.
Publisher make_publisher(
    const grid::Grid& grid, const std::filesystem::path& directory,
    const std::string& prefix,
    std::function<Publisher::Clock::time_point()> now = Publisher::Clock::now);

/// A worker of `communicator`'s rank that publishes to `directory`.
std::unique_ptr<Worker> make_worker(
    const grid::Grid& grid, messaging::Communicator& communicator,
    const std::filesystem::path& directory,
    const std::vector<trainer_client::TrainerCommand>& trainers);

struct FarmResult {
  ExitCode code;
  coordinator::Tally tally;
  std::string early_reason;
};

struct FarmSetup {
  int ranks = 1;
  std::vector<trainer_client::TrainerCommand> trainers = {
      {.program = trainer_client::kFakeTrainer,
       .device = "cpu"}};  ///< of a rank
  std::vector<trainer_client::TrainerCommand> last_rank =
      {};  ///< empty: as the others
  coordinator::DoneMap done = {};
};

/// Runs workers and coordinator to the end, in one thread.
FarmResult run_small_farm(const grid::Grid& grid,
                          const std::filesystem::path& directory,
                          const FarmSetup& setup = {});

/// Polls until `done`; a failure when that takes a minute.
void poll_until(Worker& worker, const std::function<bool()>& done);

}  // namespace cape::worker
