/// Signs of life between ranks. A link that is cut makes MPI hang for ever, so
/// silence decides that a rank is gone.
#pragma once

#include <chrono>
#include <vector>

#include "coordinator/communicator.h"

namespace cape {

class Heartbeat {
 public:
  using Clock = std::chrono::steady_clock;

  /// Rank 0 watches all other ranks, and they watch rank 0. A rank is gone
  /// after `patience` seconds of silence.
  Heartbeat(Communicator& communicator, double patience, Clock::time_point now);

  /// Any message is a sign of life.
  void heard(int rank);

  /// Sends one's own signs of life. Throws StoppedError naming the rank that is
  /// gone.
  void tick(Clock::time_point now);

 private:
  Communicator& communicator_;
  double patience_;
  double period_;               ///< between two signs of life
  std::vector<double> silent_;  ///< seconds, a rank
  Clock::time_point last_tick_;
  double since_sent_ = 0;
};

}  // namespace cape
