/// The loop of every rank: messages, trainers, signals, until all is published.
#pragma once

#include <functional>
#include <optional>

#include "coordinator/coordinator.h"
#include "messaging/heartbeat.h"
#include "run/run_start.h"
#include "worker/worker.h"

namespace cape::run {

/// From its construction on, signals are caught: run/signals.h.
class RankLoop {
 public:
  RankLoop(const grid::Workload& workload,
           messaging::Communicator& communicator, const RunStart& start,
           worker::Worker::MakePublications make_publications);

  /// Runs this rank's worker, and on rank 0 the coordinator, until all ranks
  /// have published. `on_poll` is called some hundred times a second. Throws
  /// StoppedError, with this rank's rows published, when others are out of
  /// reach.
  void run(coordinator::Coordinator* coordinator,
           const std::function<void()>& on_poll);

 private:
  void take_messages(coordinator::Coordinator* coordinator);
  void obey_signals();

  messaging::Communicator& communicator_;
  worker::Worker worker_;
  messaging::Heartbeat heartbeat_;
  bool left_ = false;  ///< the coordinator has said so
  std::optional<messaging::Ending> told_;
  std::optional<worker::Worker::Clock::time_point> leave_by_;
};

}  // namespace cape::run
