/// A rank's share of the work: keeps its trainers busy with what the
/// coordinator leases to it, retries what fails, and publishes the rows.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/communicator.h"
#include "coordinator/messages.h"
#include "grid/grid.h"
#include "grid/speed.h"
#include "shard/writer.h"
#include "worker/quarantine.h"
#include "worker/trainer_process.h"

namespace cape {

class Worker {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    std::vector<TrainerCommand> trainers;  ///< one a slot
    std::optional<Clock::time_point> deadline;
    /// For a trainer's start: LibTorch from a cold network disk is slow.
    Clock::duration patience_to_start = std::chrono::minutes(2);
  };

  Worker(const Grid& grid, Communicator& communicator,
         shard::ShardWriter writer, Quarantine quarantine, Options options);

  /// Takes a lease or the order to end.
  void handle(const Message& message);

  /// Waits until a trainer has something to say, at most `timeout`, and does
  /// what there is to do. Errors of the run go to the coordinator.
  void poll(std::chrono::milliseconds timeout);

  /// Winds down without being told to.
  void end(Ending ending);

  /// True once the last rows are published and the coordinator has been told.
  bool published() const { return published_; }

 private:
  struct Job {
    WorkItem item;
    std::int64_t attempts = 0;
    double seconds = 0;  ///< of the attempt that succeeded
  };
  struct Slot {
    TrainerCommand command;
    std::string label;  ///< "rank 1 trainer 0"
    std::unique_ptr<TrainerProcess> trainer;
    std::optional<Job> job;
    Clock::time_point started;       ///< the job, once the trainer was ready
    bool timed = false;              ///< the trainer is ready: its time runs
    Clock::time_point give_up;       ///< on the job
    int deaths_in_a_row = 0;         ///< on different trials, or at its start
    std::int64_t last_lost_on = -1;  ///< the trial it died on last
    bool closed = false;
  };

  void wait(std::chrono::milliseconds timeout);
  void serve(Slot& slot);
  void start_next(Slot& slot);
  void start_clock(Slot& slot);
  void finish(Slot& slot, const TrialResult& result);
  void fail_attempt(Slot& slot, const std::string& error);
  void lose_trainer(Slot& slot, const std::string& error);
  void report(const Job& job, Verdict verdict, std::int64_t converged = 0);
  void request_work();
  void flush_if_due();
  void publish_last();
  void trouble(const std::string& what);
  bool busy() const;
  bool still_fits(const WorkItem& item) const;
  double time_limit(const Trajectory& trajectory) const;

  const Grid& grid_;
  Communicator& communicator_;
  shard::ShardWriter writer_;
  Quarantine quarantine_;
  Options options_;
  std::vector<Slot> slots_;
  std::deque<Job> queue_;
  bool asked_ = false;         ///< a request is on its way
  bool no_more_work_ = false;  ///< the coordinator has none
  bool in_trouble_ = false;
  bool published_ = false;
  std::optional<Ending> ending_;
  SpeedEstimate speed_;
  Clock::time_point next_flush_;
};

}  // namespace cape
