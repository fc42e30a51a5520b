#include "worker/worker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "core/error.h"
#include "core/units.h"
#include "grid/cost_model.h"
#include "trainer_client/rows.h"

namespace cape::worker {
namespace {

using Seconds = std::chrono::duration<double>;

// A slot whose trainers die this often in a row, each time on another trial, is
// broken, or these trials are of a network that kills trainers.
constexpr std::size_t kDeathsToDoubt = 3;
// On so many networks in a row only a broken slot dies.
constexpr std::size_t kNetworksToClose = 5;
constexpr std::int64_t kAtStart = -1;  // instead of a trial

}  // namespace

Worker::MakePublications measured_rows(const grid::OutputConfig& output) {
  return [curves = output.curves](const grid::Trajectory& trajectory,
                                  const trial::TrialResult& result) {
    Publication publication{trainer_client::make_rows(trajectory, result), {}};
    if (curves) {
      publication.curves = trainer_client::curves_of(trajectory, result);
    }
    return std::vector{std::move(publication)};
  };
}

Worker::Worker(const grid::Workload& workload,
               messaging::Communicator& communicator, Publisher publisher,
               Options options)
    : workload_(workload),
      communicator_(communicator),
      publisher_(std::move(publisher)),
      options_(std::move(options)),
      speed_(workload.config().workers.gflops) {
  for (const trainer_client::TrainerCommand& command : options_.trainers) {
    Slot slot;
    slot.command = command;
    slot.label =
        fmt::format("rank {} trainer {}", communicator_.rank(), slots_.size());
    slots_.push_back(std::move(slot));
  }
  request_work();
}

void Worker::handle(const messaging::Message& message) {
  if (message.tag == messaging::kTagEnd) {
    end(messaging::unpack_one<messaging::Ending>(message.body));
    return;
  }
  if (message.tag != messaging::kTagLease) {
    fail("a worker got an unknown message {}", message.tag);
  }
  asked_ = false;
  if (ending_) return;
  for (const messaging::WorkItem& item :
       messaging::unpack<messaging::WorkItem>(message.body)) {
    queue_.push_back(
        {.item = item,
         .trajectory = workload_.trajectory(item.index, item.mask)});
  }
  if (open_slots() == 0) give_back_queue();
}

void Worker::end(messaging::Ending ending) {
  if (ending_ && *ending_ >= ending) return;
  ending_ = ending;
  queue_.clear();
  if (ending != messaging::Ending::stop) return;
  for (Slot& slot : slots_) {
    slot.trainer.reset();
    slot.job.reset();
  }
}

void Worker::poll(std::chrono::milliseconds timeout) {
  if (published_) return;
  wait(timeout);
  for (Slot& slot : slots_) serve(slot);
  if (ending_ && !busy()) return publish_last();
  if (!ending_) request_work();
  publisher_.poll();
  if (!publisher_.gave_up() || in_trouble_) return;
  in_trouble_ = true;
  communicator_.send(0, messaging::kTagTrouble, publisher_.error());
}

std::string Worker::abandon() {
  end(messaging::Ending::stop);
  publisher_.publish();
  return lost();
}

void Worker::wait(std::chrono::milliseconds timeout) {
  std::vector<const trainer_client::TrainerProcess*> trainers;
  trainers.reserve(slots_.size());
  for (const Slot& slot : slots_) trainers.push_back(slot.trainer.get());
  trainer_client::wait_for_any(trainers, timeout);
}

void Worker::serve(Slot& slot) {
  if (slot.trainer) {
    slot.trainer->log_errors();
    try {
      take_answers(slot);
    } catch (const Error& error) {
      lose_trainer(slot, error.what());
    }
  }
  if (slot.job && Clock::now() > slot.give_up) {
    const double waited = Seconds(Clock::now() - slot.started).count();
    lose_trainer(slot, fmt::format("{} within {}",
                                   slot.timed ? "no answer"
                                              : "the trainer did not start",
                                   format_duration(waited)));
  }
  if (!slot.job && !slot.closed && !ending_) start_next(slot);
}

void Worker::take_answers(Slot& slot) {
  while (const auto message = slot.trainer->receive()) {
    if (!slot.job) fail("the trainer answered without a task");
    if (const auto* result = std::get_if<trial::TrialResult>(&*message)) {
      finish(slot, *result);
      continue;
    }
    const trial::Failure& failure = std::get<trial::Failure>(*message);
    trust(slot);
    if (slot.job->is_test) {
      slot.job.reset();
    } else {
      fail_attempt(slot, fmt::format("{}: {}", failure.kind, failure.message),
                   failure.kind == "out_of_memory");
    }
    // It may hold on to memory. And a failure on a GPU, such as that of a token
    // which an embedding lacks, stays with the process: all that comes after it
    // would fail, too.
    slot.trainer.reset();
    return;
  }
  if (const auto death = slot.trainer->death()) {
    lose_trainer(slot, *death);
  } else if (slot.job && !slot.timed && slot.trainer->ready()) {
    start_clock(slot);
  }
}

/// The test of a slot that may be broken, else the next of the queue.
std::optional<Worker::Job> Worker::next_job(Slot& slot) {
  if (slot.test && still_fits(slot.test->item)) {
    if (!may_start(slot, *slot.test)) return std::nullopt;
    return std::exchange(slot.test, std::nullopt);
  }
  while (!queue_.empty() && !still_fits(queue_.front().item)) {
    report(queue_.front(), messaging::Verdict::not_started);
    queue_.pop_front();
  }
  const auto next = next_for(slot);
  if (next == queue_.end() || !may_start(slot, *next)) return std::nullopt;
  Job job = std::move(*next);
  queue_.erase(next);
  return job;
}

std::string Worker::network_of(std::int64_t index) const {
  const auto task = workload_.trajectory(index, workload_.all_criteria()).task;
  return zoo::identity(task.architecture).dump();
}

/// A look at an untrained network that this rank's trainers have managed or, so
/// early in the run, at the cheapest that is none of those on which they died.
/// Nothing where there is none.
std::optional<Worker::Job> Worker::test_for(const Slot& slot) const {
  std::optional<std::int64_t> index = works_;
  for (std::int64_t other = workload_.trajectories() - 1; other >= 0 && !index;
       other -= workload_.group_size()) {
    if (!slot.deadly_networks.contains(network_of(other))) index = other;
  }
  if (!index) return std::nullopt;
  const trial::CriterionMask all = workload_.all_criteria();
  Job job{.item = {*index, all},
          .trajectory = workload_.trajectory(*index, all),
          .is_test = true};
  job.trajectory.task.timed_steps = 0;
  return job;
}

/// Trainers of the slot died too often: it is tested with another network, and
/// closed where that has shown that the slot is to blame.
void Worker::doubt(Slot& slot, const std::string& error) {
  slot.crashed_trials.clear();
  slot.test = test_for(slot);
  if (!slot.test || slot.deadly_networks.size() >= kNetworksToClose) {
    return close(slot, error);
  }
  spdlog::warn("{}: its trainers died again and again; it is tested with {}",
               slot.label, describe(slot.test->trajectory));
}

/// A trainer of the slot lives.
void Worker::trust(Slot& slot) {
  slot.crashed_trials.clear();
  slot.deadly_networks.clear();
}

void Worker::start_next(Slot& slot) {
  slot.job = next_job(slot);
  if (!slot.job) return;
  if (slot.job->attempts > 0) slot.trainer.reset();  // again, in a new one
  if (slot.job->exclusive) free_memory(slot.command.device);
  slot.timed = false;
  slot.started = Clock::now();
  slot.give_up = slot.started + options_.patience_to_start;
  try {
    if (slot.trainer) {
      start_clock(slot);
    } else {
      slot.trainer = std::make_unique<trainer_client::TrainerProcess>(
          slot.command, slot.label);
    }
    // A trainer that does not listen has died, and is found so.
    (void)slot.trainer->send(slot.job->trajectory.task);
  } catch (const Error& error) {
    lose_trainer(slot, error.what());
  }
}

std::deque<Worker::Job>::iterator Worker::next_for(const Slot& slot) {
  if (slot.crashed_trials.empty()) return queue_.begin();
  // This slot's trainers have just died. It gets trials that have not failed
  // anywhere before it gets trials that have, and last those that failed in it.
  // So a slot that is broken fails on several trials and is closed before one
  // of them is quarantined, and a trial that kills trainers does not close one
  // slot after the other.
  const auto suspicion = [&](const Job& job) {
    const bool failed_here =
        std::count(slot.crashed_trials.begin(), slot.crashed_trials.end(),
                   job.item.index) > 0;
    return failed_here ? 2 : job.attempts > 0 ? 1 : 0;
  };
  return std::min_element(queue_.begin(), queue_.end(),
                          [&](const Job& left, const Job& right) {
                            return suspicion(left) < suspicion(right);
                          });
}

bool Worker::may_start(const Slot& slot, const Job& job) const {
  return std::none_of(slots_.begin(), slots_.end(), [&](const Slot& other) {
    return other.job && other.command.device == slot.command.device &&
           (job.exclusive || other.job->exclusive);
  });
}

void Worker::free_memory(const std::string& device) {
  for (Slot& slot : slots_) {
    if (slot.command.device == device) slot.trainer.reset();
  }
}

void Worker::start_clock(Slot& slot) {
  slot.timed = true;
  slot.started = Clock::now();
  slot.give_up = slot.started + to_duration(time_limit(slot.job->trajectory));
}

void Worker::finish(Slot& slot, const trial::TrialResult& result) {
  Job& job = *slot.job;
  if (job.is_test) {
    trust(slot);
    works_ = job.item.index;
    return slot.job.reset();
  }
  trainer_client::validate_result(job.trajectory, result);
  for (const std::string& note : result.notes) {
    if (said_.insert(note).second) spdlog::warn(note);
  }
  trust(slot);
  works_ = job.item.index;
  job.seconds = Seconds(Clock::now() - slot.started).count();
  speed_.add(workload_.family(job.item.index),
             workload_.expected_flops(job.item.index), job.seconds);
  std::int32_t converged = 0;
  const std::vector<Publication> publications =
      options_.make_publications(job.trajectory, result);
  for (const Publication& publication : publications) {
    for (const shard::Row& row : publication.rows) converged += row.converged;
    publisher_.add(publication.rows, publication.curves);
  }
  report(job,
         publications.empty() ? messaging::Verdict::unusable
                              : messaging::Verdict::measured,
         converged);
  slot.job.reset();
}

void Worker::lose_trainer(Slot& slot, const std::string& error) {
  const bool had_started = slot.trainer && slot.trainer->ready();
  const bool out_of_memory = slot.trainer && slot.trainer->was_killed();
  const std::int64_t trial =
      slot.job && had_started ? slot.job->item.index : kAtStart;
  slot.trainer.reset();
  const bool is_test = slot.job && slot.job->is_test;
  if (trial != kAtStart && !out_of_memory) {
    slot.deadly_networks.insert(network_of(trial));
  }
  if (is_test) {
    slot.job.reset();
    // Of a slot, a lack of memory says nothing.
    if (out_of_memory) return trust(slot);
    if (trial == kAtStart || works_ == trial) return close(slot, error);
    return doubt(slot, error);
  }
  if (trial == kAtStart || std::count(slot.crashed_trials.begin(),
                                      slot.crashed_trials.end(), trial) == 0) {
    slot.crashed_trials.push_back(trial);
  }
  if (slot.job && had_started) {
    fail_attempt(slot, error, out_of_memory);
  } else {
    spdlog::warn("{}: {}", slot.label, error);
    // The trial is not to blame for a trainer that does not even start.
    if (slot.job) queue_.push_front(*std::exchange(slot.job, std::nullopt));
  }
  if (slot.crashed_trials.size() < kDeathsToDoubt) return;
  if (std::ranges::count(slot.crashed_trials, kAtStart) > 0) {
    return close(slot, error);
  }
  doubt(slot, error);
}

void Worker::close(Slot& slot, const std::string& error) {
  slot.closed = true;
  slot.test.reset();
  spdlog::error("{}: closed, its trainers died again and again; the last: {}",
                slot.label, error);
  if (open_slots() > 0 || ending_) return;
  communicator_.send(0, messaging::kTagClosed, error);
  give_back_queue();
}

void Worker::give_back_queue() {
  for (const Job& job : queue_) report(job, messaging::Verdict::returned);
  queue_.clear();
}

void Worker::fail_attempt(Slot& slot, const std::string& error,
                          bool out_of_memory) {
  Job job = *std::exchange(slot.job, std::nullopt);
  ++job.attempts;
  job.exclusive = job.exclusive || out_of_memory;
  const bool again = job.attempts <= workload_.config().workers.retries;
  spdlog::warn("{}: {} failed ({}); {}", slot.label, describe(job.trajectory),
               error, again ? "it is tried again" : "it is quarantined");
  if (again) {
    if (!ending_) queue_.push_front(job);
    return;
  }
  const trial::TrialTask& task = job.trajectory.task;
  publisher_.add({task.trajectory, task.criteria, describe(job.trajectory),
                  error, job.attempts});
  report(job, messaging::Verdict::quarantined);
}

void Worker::report(const Job& job, messaging::Verdict verdict,
                    std::int32_t converged) {
  communicator_.send(
      0, messaging::kTagOutcomes,
      messaging::pack_one(messaging::Outcome{
          job.item.index, job.seconds, verdict, converged, job.item.mask}));
}

void Worker::request_work() {
  // Ask before the trainers run dry: an answer takes a turn of the loop.
  // What is tried again says nothing of a slot that has just died on it.
  const std::int64_t open = open_slots();
  const auto fresh =
      std::count_if(queue_.begin(), queue_.end(),
                    [](const Job& job) { return job.attempts == 0; });
  if (asked_ || open == 0 || fresh >= open) return;
  communicator_.send(
      0, messaging::kTagRequest,
      messaging::pack_one(messaging::Request{static_cast<std::int32_t>(open)}));
  asked_ = true;
}

void Worker::publish_last() {
  if (*ending_ == messaging::Ending::stop) {
    publisher_.publish();
  } else {
    publisher_.publish_soon();
    publisher_.poll();
    if (!publisher_.all_published() && !publisher_.gave_up()) return;
  }
  for (Slot& slot : slots_) slot.trainer.reset();
  communicator_.send(0, messaging::kTagPublished, lost());
  published_ = true;
}

std::string Worker::lost() const {
  if (publisher_.all_published()) return "";
  return fmt::format("{} rows are lost: {}", publisher_.unpublished_rows(),
                     publisher_.error());
}

std::int64_t Worker::open_slots() const {
  return std::count_if(slots_.begin(), slots_.end(),
                       [](const Slot& slot) { return !slot.closed; });
}

bool Worker::busy() const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return slot.job.has_value(); });
}

bool Worker::still_fits(const messaging::WorkItem& item) const {
  if (!options_.deadline) return true;
  return speed_.fits(workload_.family(item.index),
                     workload_.expected_flops(item.index),
                     Seconds(*options_.deadline - Clock::now()).count());
}

double Worker::time_limit(const grid::Trajectory& trajectory) const {
  const grid::Config& config = workload_.config();
  if (config.workers.trial_timeout) return *config.workers.trial_timeout;
  const trial::TrialTask& task = trajectory.task;
  const double flops =
      grid::most_flops(zoo::forward_flops(task.architecture,
                                          trial::sample_of(trajectory.dataset),
                                          trial::head_of(trajectory.dataset)),
                       static_cast<double>(task.batch_size), task.target);
  return grid::longest_trial_seconds(
      flops, speed_.measured(workload_.family(trajectory.index), flops));
}

}  // namespace cape::worker
