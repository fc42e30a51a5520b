#include "worker/worker.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "core/error.h"
#include "core/units.h"
#include "grid/cost_model.h"
#include "worker/rows.h"

namespace cape {
namespace {

using Seconds = std::chrono::duration<double>;

// A slot whose trainers die this often in a row is broken, not its trials.
constexpr int kDeathsToClose = 3;
// A flush may take this part of the time: rewriting grows with the file.
constexpr double kFlushShare = 0.01;

std::string describe(const Trajectory& trajectory) {
  const TrialTask& task = trajectory.task;
  return fmt::format("{} on {}, learning rate {}, batch size {}, trial {}",
                     zoo::short_name(task.architecture), task.dataset.name,
                     task.learning_rate, task.batch_size, trajectory.trial);
}

std::chrono::nanoseconds to_nanoseconds(double seconds) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace

Worker::Worker(const Grid& grid, Communicator& communicator,
               shard::ShardWriter writer, Quarantine quarantine,
               Options options)
    : grid_(grid),
      communicator_(communicator),
      writer_(std::move(writer)),
      quarantine_(std::move(quarantine)),
      options_(std::move(options)),
      speed_(grid.config().workers.gflops),
      next_flush_(Clock::now() +
                  to_nanoseconds(grid.config().output.flush_seconds)) {
  for (const TrainerCommand& command : options_.trainers) {
    Slot slot;
    slot.command = command;
    slot.label =
        fmt::format("rank {} trainer {}", communicator_.rank(), slots_.size());
    slots_.push_back(std::move(slot));
  }
  request_work();
}

void Worker::handle(const Message& message) {
  if (message.tag == kTagEnd) {
    end(unpack_one<Ending>(message.body));
    return;
  }
  if (message.tag != kTagLease) {
    fail("a worker got an unknown message {}", message.tag);
  }
  asked_ = false;
  const auto items = unpack<WorkItem>(message.body);
  no_more_work_ = items.empty();
  if (ending_) return;
  for (const WorkItem& item : items) queue_.push_back({item, 0, 0});
}

void Worker::end(Ending ending) {
  if (ending_ && *ending_ >= ending) return;
  ending_ = ending;
  queue_.clear();
  if (ending != Ending::stop) return;
  for (Slot& slot : slots_) {
    slot.trainer.reset();
    slot.job.reset();
  }
}

void Worker::poll(std::chrono::milliseconds timeout) {
  if (published_) return;
  wait(timeout);
  for (Slot& slot : slots_) serve(slot);
  if (ending_) {
    if (!busy()) publish_last();
    return;
  }
  request_work();
  flush_if_due();
}

void Worker::wait(std::chrono::milliseconds timeout) {
  std::vector<pollfd> descriptors;
  for (const Slot& slot : slots_) {
    if (!slot.trainer) continue;
    for (const int fd : slot.trainer->descriptors()) {
      descriptors.push_back({fd, POLLIN, 0});
    }
  }
  (void)::poll(descriptors.data(), descriptors.size(),
               static_cast<int>(timeout.count()));
}

void Worker::serve(Slot& slot) {
  if (slot.trainer) {
    slot.trainer->log_errors();
    try {
      while (const auto message = slot.trainer->receive()) {
        if (!slot.job) fail("the trainer answered without a task");
        if (const auto* result = std::get_if<TrialResult>(&*message)) {
          finish(slot, *result);
        } else {
          const Failure& failure = std::get<Failure>(*message);
          slot.deaths_in_a_row = 0;
          fail_attempt(slot,
                       fmt::format("{}: {}", failure.kind, failure.message));
          // What ran out of memory may hold on to it.
          if (failure.kind == "out_of_memory") slot.trainer.reset();
        }
        if (!slot.trainer) return;
      }
      if (const auto death = slot.trainer->death()) {
        lose_trainer(slot, *death);
      } else if (slot.job && !slot.timed && slot.trainer->ready()) {
        start_clock(slot);
      }
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

void Worker::start_next(Slot& slot) {
  while (!queue_.empty() && !still_fits(queue_.front().item)) {
    report(queue_.front(), Verdict::not_started);
    queue_.pop_front();
  }
  if (queue_.empty()) return;
  slot.job = queue_.front();
  queue_.pop_front();
  const Trajectory trajectory =
      grid_.trajectory(slot.job->item.index, slot.job->item.mask);
  slot.timed = false;
  slot.started = Clock::now();
  slot.give_up = slot.started + options_.patience_to_start;
  try {
    if (slot.trainer) {
      start_clock(slot);
    } else {
      slot.trainer = std::make_unique<TrainerProcess>(slot.command, slot.label);
    }
    // A trainer that does not listen has died, and is found so.
    (void)slot.trainer->send(trajectory.task);
  } catch (const Error& error) {
    lose_trainer(slot, error.what());
  }
}

void Worker::start_clock(Slot& slot) {
  const WorkItem& item = slot.job->item;
  slot.timed = true;
  slot.started = Clock::now();
  slot.give_up =
      slot.started +
      to_nanoseconds(time_limit(grid_.trajectory(item.index, item.mask)));
}

void Worker::finish(Slot& slot, const TrialResult& result) {
  Job& job = *slot.job;
  const Trajectory trajectory = grid_.trajectory(job.item.index, job.item.mask);
  check_answer(trajectory, result);
  slot.deaths_in_a_row = 0;
  job.seconds = Seconds(Clock::now() - slot.started).count();
  speed_.add(grid_.family(job.item.index), grid_.expected_flops(job.item.index),
             job.seconds);
  const std::span<const float> losses(result.losses);
  writer_.add(make_rows(trajectory, result),
              grid_.config().output.curves ? losses : losses.first(0));
  const auto converged = std::count_if(
      result.epsilons.begin(), result.epsilons.end(),
      [](const EpsilonResult& outcome) { return outcome.converged(); });
  report(job, Verdict::measured, converged);
  slot.job.reset();
}

void Worker::lose_trainer(Slot& slot, const std::string& error) {
  const bool had_started = slot.trainer && slot.trainer->ready();
  const std::int64_t trial = slot.job ? slot.job->item.index : -1;
  slot.trainer.reset();
  if (!had_started || trial != slot.last_lost_on) ++slot.deaths_in_a_row;
  slot.last_lost_on = trial;
  if (slot.job && had_started) {
    fail_attempt(slot, error);
  } else {
    spdlog::warn("{}: {}", slot.label, error);
    // The trial is not to blame for a trainer that does not even start.
    if (slot.job) queue_.push_front(*std::exchange(slot.job, std::nullopt));
  }
  if (slot.deaths_in_a_row < kDeathsToClose) return;
  slot.closed = true;
  spdlog::error("{}: closed, its trainers died {} times in a row", slot.label,
                slot.deaths_in_a_row);
  const bool last = std::all_of(slots_.begin(), slots_.end(),
                                [](const Slot& s) { return s.closed; });
  if (last) trouble(fmt::format("no trainer works; the last: {}", error));
}

void Worker::fail_attempt(Slot& slot, const std::string& error) {
  Job job = *std::exchange(slot.job, std::nullopt);
  ++job.attempts;
  const Trajectory trajectory = grid_.trajectory(job.item.index, job.item.mask);
  const bool again = job.attempts <= grid_.config().workers.retries;
  spdlog::warn("{}: {} failed ({}); {}", slot.label, describe(trajectory),
               error, again ? "it is tried again" : "it is quarantined");
  if (again) {
    if (!ending_) queue_.push_front(job);
    return;
  }
  try {
    quarantine_.add({trajectory.task.trajectory, trajectory.task.epsilons,
                     describe(trajectory), error, job.attempts});
    report(job, Verdict::quarantined);
  } catch (const StoppedError& stopped) {
    trouble(stopped.what());
  }
}

void Worker::report(const Job& job, Verdict verdict, std::int64_t converged) {
  communicator_.send(
      0, kTagOutcomes,
      pack_one(Outcome{job.item.index, job.seconds, verdict,
                       std::popcount(job.item.mask), converged}));
}

void Worker::request_work() {
  // Ask before the trainers run dry: an answer takes a turn of the loop.
  if (asked_ || no_more_work_ || ending_ || queue_.size() >= slots_.size()) {
    return;
  }
  const auto open = std::count_if(slots_.begin(), slots_.end(),
                                  [](const Slot& s) { return !s.closed; });
  communicator_.send(0, kTagRequest,
                     pack_one(Request{static_cast<std::int32_t>(open)}));
  asked_ = true;
}

void Worker::flush_if_due() {
  if (in_trouble_ || Clock::now() < next_flush_) return;
  const Clock::time_point begin = Clock::now();
  try {
    writer_.flush();
  } catch (const StoppedError& error) {
    trouble(error.what());
  }
  const double took = Seconds(Clock::now() - begin).count();
  next_flush_ = Clock::now() +
                to_nanoseconds(std::max(grid_.config().output.flush_seconds,
                                        took / kFlushShare));
}

void Worker::publish_last() {
  std::string lost;
  try {
    writer_.flush();
  } catch (const StoppedError& error) {
    lost = fmt::format("{} rows are lost: {}", writer_.unpublished_rows(),
                       error.what());
  }
  for (Slot& slot : slots_) slot.trainer.reset();
  communicator_.send(0, kTagPublished, lost);
  published_ = true;
}

void Worker::trouble(const std::string& what) {
  if (in_trouble_) return;
  in_trouble_ = true;
  communicator_.send(0, kTagTrouble, what);
}

bool Worker::busy() const {
  return std::any_of(slots_.begin(), slots_.end(),
                     [](const Slot& slot) { return slot.job.has_value(); });
}

bool Worker::still_fits(const WorkItem& item) const {
  if (!options_.deadline) return true;
  return speed_.fits(grid_.family(item.index), grid_.expected_flops(item.index),
                     Seconds(*options_.deadline - Clock::now()).count());
}

double Worker::time_limit(const Trajectory& trajectory) const {
  const Config& config = grid_.config();
  if (config.workers.trial_timeout) return *config.workers.trial_timeout;
  const TrialTask& task = trajectory.task;
  const double forward =
      zoo::forward_flops(task.architecture, trajectory.dataset->shape,
                         trajectory.dataset->classes);
  return longest_trial_seconds(
      3 * forward * static_cast<double>(task.batch_size),
      static_cast<double>(task.train.max_steps));
}

}  // namespace cape
