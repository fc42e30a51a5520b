/// A rank's share of the work: keeps its trainers busy with what the
/// coordinator leases to it, retries what fails, and publishes the rows.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "grid/speed.h"
#include "grid/workload.h"
#include "messaging/communicator.h"
#include "messaging/messages.h"
#include "trainer_client/trainer_process.h"
#include "worker/publisher.h"

namespace cape::worker {

/// What a trajectory adds to the shards.
struct Publication {
  std::vector<shard::Row> rows;
  shard::Curves curves;
};

class Worker {
 public:
  using Clock = std::chrono::steady_clock;

  /// What to publish of a result that has been checked; nothing where it is
  /// not to be used.
  using MakePublications = std::function<std::vector<Publication>(
      const grid::Trajectory&, const trial::TrialResult&)>;

  struct Options {
    std::vector<trainer_client::TrainerCommand> trainers;  ///< one a slot
    MakePublications make_publications;
    std::optional<Clock::time_point> deadline;
    /// For a trainer's start: LibTorch from a cold network disk is slow.
    Clock::duration patience_to_start = trainer_client::kPatienceToStart;
  };

  Worker(const grid::Workload& workload, messaging::Communicator& communicator,
         Publisher publisher, Options options);

  /// Takes a lease or the order to end.
  void handle(const messaging::Message& message);

  /// Waits until a trainer has something to say, at most `timeout`, and does
  /// what there is to do. Errors of the run go to the coordinator.
  void poll(std::chrono::milliseconds timeout);

  /// Winds down without being told to.
  void end(messaging::Ending ending);

  /// True once the last rows are published and the coordinator has been told.
  bool published() const { return published_; }

  /// Ends the trainers and publishes what is done, without a word to others.
  /// Returns what could not be published; empty: nothing.
  std::string abandon();

 private:
  struct Job {
    messaging::WorkItem item;
    grid::Trajectory trajectory;
    std::int64_t attempts = 0;
    double seconds = 0;  ///< of the attempt that succeeded
    bool exclusive =
        false;             ///< it ran out of memory beside others on its device
    bool is_test = false;  ///< of its slot: nothing is published
  };
  struct Slot {
    trainer_client::TrainerCommand command;
    std::string label;  ///< "rank 1 trainer 0"
    std::unique_ptr<trainer_client::TrainerProcess> trainer;
    std::optional<Job> job;
    Clock::time_point started;  ///< the job, once the trainer was ready
    bool timed = false;         ///< the trainer is ready: its time runs
    Clock::time_point give_up;  ///< on the job
    /// Trials that its trainers died on in a row, each once; kAtStart for a
    /// trainer that did not start.
    std::vector<std::int64_t> crashed_trials;
    /// Networks that its trainers died on since one of them lived.
    std::set<std::string> deadly_networks;
    std::optional<Job> test;  ///< its next job, where it may be broken
    bool closed = false;
  };

  void wait(std::chrono::milliseconds timeout);
  void serve(Slot& slot);
  void take_answers(Slot& slot);
  void start_next(Slot& slot);
  std::deque<Job>::iterator next_for(const Slot& slot);
  void start_clock(Slot& slot);
  void finish(Slot& slot, const trial::TrialResult& result);
  void fail_attempt(Slot& slot, const std::string& error, bool out_of_memory);
  void lose_trainer(Slot& slot, const std::string& error);
  std::optional<Job> next_job(Slot& slot);
  void doubt(Slot& slot, const std::string& error);
  std::optional<Job> test_for(const Slot& slot) const;
  std::string network_of(std::int64_t index) const;
  static void trust(Slot& slot);
  void close(Slot& slot, const std::string& error);
  void give_back_queue();
  void free_memory(const std::string& device);
  void report(const Job& job, messaging::Verdict verdict,
              std::int32_t converged = 0);
  void request_work();
  void publish_last();
  std::string lost() const;
  std::int64_t open_slots() const;
  bool busy() const;
  bool may_start(const Slot& slot, const Job& job) const;
  bool still_fits(const messaging::WorkItem& item) const;
  double time_limit(const grid::Trajectory& trajectory) const;

  const grid::Workload& workload_;
  messaging::Communicator& communicator_;
  Publisher publisher_;
  Options options_;
  std::vector<Slot> slots_;
  std::deque<Job> queue_;
  bool asked_ = false;  ///< for work that has not come
  bool in_trouble_ = false;
  bool published_ = false;
  std::optional<messaging::Ending> ending_;
  grid::SpeedEstimate speed_;
  std::optional<std::int64_t> works_;  ///< a trajectory that trainers can do
  std::set<std::string> said_;         ///< notes of results, each once
};

/// All rows of a trajectory as they were measured and, if they are wanted, its
/// losses.
Worker::MakePublications measured_rows(const grid::OutputConfig& output);

}  // namespace cape::worker
