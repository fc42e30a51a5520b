/// Signs of life between ranks. MPI hangs for ever when a link is cut, so a
/// rank counts as lost when nothing has arrived from it for a while.
#pragma once

#include <chrono>
#include <vector>

#include "messaging/communicator.h"

namespace cape::messaging {

class Heartbeat {
 public:
  using Clock = std::chrono::steady_clock;

  /// Rank 0 watches all other ranks, and they watch rank 0. A rank is lost
  /// after `patience` seconds without a message.
  Heartbeat(Communicator& communicator, double patience, Clock::time_point now);

  /// Notes a message of any kind, which is a sign of life.
  void heard(int rank);

  /// Sends this rank's own signs of life. Throws StoppedError, which names the
  /// rank that is lost.
  void tick(Clock::time_point now);

 private:
  Communicator& communicator_;
  double patience_;
  double period_;               ///< seconds between two signs of life
  std::vector<double> silent_;  ///< seconds without a message, by rank
  Clock::time_point last_tick_;
  double since_sent_ = 0;
};

}  // namespace cape::messaging
