#include "messaging/heartbeat.h"

#include <algorithm>

#include "core/error.h"
#include "core/units.h"
#include "messaging/messages.h"

namespace cape::messaging {
namespace {

constexpr double kPeriod = 10;
// A process that was suspended must not take the others for lost, so one turn
// of its loop counts for no more than this.
constexpr double kLongestTurn = 1;

}  // namespace

Heartbeat::Heartbeat(Communicator& communicator, double patience,
                     Clock::time_point now)
    : communicator_(communicator),
      patience_(patience),
      period_(std::min(kPeriod, patience / 4)),
      silent_(communicator.rank() == 0
                  ? static_cast<std::size_t>(communicator.size())
                  : 1),
      last_tick_(now) {}

void Heartbeat::heard(int rank) {
  const auto index = static_cast<std::size_t>(rank);
  if (index < silent_.size()) silent_[index] = 0;
}

void Heartbeat::tick(Clock::time_point now) {
  // Not at every turn, since there may be thousands of ranks.
  const double step = std::chrono::duration<double>(now - last_tick_).count();
  if (step < std::min(period_, kLongestTurn) / 2) return;
  last_tick_ = now;
  since_sent_ += step;
  const bool send = since_sent_ >= period_;
  if (send) since_sent_ = 0;
  for (int rank = 0; rank < static_cast<int>(silent_.size()); ++rank) {
    if (rank == communicator_.rank()) continue;
    if (send) communicator_.send(rank, kTagAlive, "");
    double& silent = silent_[static_cast<std::size_t>(rank)];
    silent += std::min(step, kLongestTurn);
    if (silent < patience_) continue;
    throw StoppedError(
        fmt::format("rank {} has been silent for {}: it or the network is gone",
                    rank, format_duration(silent)));
  }
}

}  // namespace cape::messaging
