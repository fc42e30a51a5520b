/// What rank 0 does beside its own worker: hands out the work, counts what
/// comes back, and decides when and how the run ends.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/scheduler.h"
#include "grid/speed.h"
#include "messaging/communicator.h"
#include "messaging/messages.h"

namespace cape::coordinator {

/// Where a run stands, in cells.
struct Tally {
  const char* unit = "rows";  ///< what a cell becomes, for people
  std::int64_t total = 0;
  std::int64_t done_before = 0;
  std::int64_t failed_before = 0;  ///< quarantined, not tried again
  std::int64_t rows = 0;           ///< measured by this run
  std::int64_t converged = 0;      ///< of those
  std::int64_t failed = 0;         ///< quarantined by this run
  std::int64_t unusable = 0;       ///< answered, and not to be published

  std::int64_t all_failed() const { return failed_before + failed; }
  std::int64_t left() const {
    return total - done_before - all_failed() - unusable - rows;
  }
};

class Coordinator {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    grid::Part part{};
    DoneMap done{};
    std::int64_t done_before = 0;    ///< cells of the part
    std::int64_t failed_before = 0;  ///< cells of the part
    const char* unit = "rows";       ///< of the tally
    grid::SpeedEstimate speed{};     ///< what is known of it at the start
    std::optional<Clock::time_point> deadline{};
  };

  Coordinator(const grid::Workload& workload,
              messaging::Communicator& communicator, Options options);

  /// The number of trainers that a rank will have, or still has.
  void set_slots(int rank, std::int64_t slots);

  /// Processes a message to the coordinator.
  void handle(const messaging::Message& message);

  /// Ends the run when everything is done or the deadline is near.
  void tick();

  /// True when every rank has published its rows and was told to leave.
  bool finished() const { return published_ == communicator_.size(); }

  const Tally& tally() const { return tally_; }
  ExitCode exit_code() const;

  /// Expected seconds to the end of the run, by cost. Nothing before a speed is
  /// known and after the run has begun to end.
  std::optional<double> eta() const;

  /// Why the run ended early; empty if it did not.
  std::string early_reason() const {
    return exit_code() == kExitStopped ? early_reason_ : "";
  }

 private:
  void take_request(int rank, const messaging::Request& request);
  void grant();
  void count(const std::vector<messaging::Outcome>& outcomes);
  void close(int rank, const std::string& reason);
  void take_published(int rank, const std::string& lost);
  void end(messaging::Ending ending, const std::string& reason);
  bool fits(std::int64_t index) const;
  double seconds_left() const;

  const grid::Workload& workload_;
  messaging::Communicator& communicator_;
  Options options_;
  Scheduler scheduler_;
  grid::SpeedEstimate speed_;
  Tally tally_;
  std::vector<std::int64_t> slots_;  ///< by rank
  std::int64_t all_slots_ = 0;       ///< of all ranks
  std::deque<int> waiting_;          ///< ranks without work, oldest first
  int closed_ = 0;                   ///< ranks without a working trainer
  std::int64_t leased_ = 0;          ///< handed out, not yet finished
  double leased_flops_ = 0;
  bool not_started_ = false;  ///< some trajectories had too little time
  std::optional<messaging::Ending> ending_;
  int published_ = 0;
  bool rows_lost_ = false;
  std::string early_reason_;
};

}  // namespace cape::coordinator
