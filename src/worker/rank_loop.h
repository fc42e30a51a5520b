/// The loop of every rank: messages, trainers, signals, until all is published.
#pragma once

#include <functional>
#include <optional>

#include "coordinator/coordinator.h"
#include "worker/run_start.h"
#include "worker/worker.h"

namespace cape {

/// True once SIGINT or SIGTERM has come while a loop ran.
bool stop_signalled();

/// From its construction on, SIGINT and SIGTERM mean: publish and leave,
/// SIGUSR1 and SIGUSR2: finish what runs first. Before it nothing is lost by
/// dying.
class RankLoop {
 public:
  RankLoop(const Grid& grid, Communicator& communicator, const RunStart& start);

  /// Runs this rank's worker, and on rank 0 the coordinator, to the end.
  /// `every_turn` is called some hundred times a second.
  void run(Coordinator* coordinator, const std::function<void()>& every_turn);

 private:
  void take_messages(Coordinator* coordinator);
  void obey_signals();

  Communicator& communicator_;
  Worker worker_;
  std::optional<Ending> told_;
  std::optional<Worker::Clock::time_point> leave_by_;
};

}  // namespace cape
