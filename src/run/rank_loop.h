/// The loop of every rank: messages, trainers, signals, until all is published.
#pragma once

#include <functional>
#include <optional>

#include "coordinator/coordinator.h"
#include "messaging/heartbeat.h"
#include "run/run_start.h"
#include "worker/worker.h"

namespace cape {

/// From its construction on, signals are caught: run/signals.h.
class RankLoop {
 public:
  RankLoop(const Workload& workload, Communicator& communicator,
           const RunStart& start, Worker::MakePublications make_publications);

  /// Runs this rank's worker, and on rank 0 the coordinator, until all ranks
  /// have published. `every_turn` is called some hundred times a second. Throws
  /// StoppedError, with this rank's rows published, when others are out of
  /// reach.
  void run(Coordinator* coordinator, const std::function<void()>& every_turn);

 private:
  void take_messages(Coordinator* coordinator);
  void obey_signals();

  Communicator& communicator_;
  Worker worker_;
  Heartbeat heartbeat_;
  bool left_ = false;  ///< the coordinator has said so
  std::optional<Ending> told_;
  std::optional<Worker::Clock::time_point> leave_by_;
};

}  // namespace cape
