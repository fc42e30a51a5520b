#include "prediction/ask_trainers.h"

#include <chrono>
#include <limits>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/units.h"
#include "trainer_client/rows.h"

namespace cape::prediction {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr std::chrono::milliseconds kPollInterval{100};

struct Slot {
  trainer_client::TrainerCommand command;
  std::string label;
  std::unique_ptr<trainer_client::TrainerProcess> trainer;
  std::optional<std::size_t> job;  ///< its trajectory
  Clock::time_point since;         ///< when it was started or got its job
};

class TrainerPool {
 public:
  TrainerPool(const std::vector<grid::Trajectory>& trajectories,
              const std::vector<trainer_client::TrainerCommand>& trainers,
              std::optional<double> timeout)
      : trajectories_(trajectories),
        timeout_(timeout.value_or(std::numeric_limits<double>::infinity())),
        answers_(trajectories.size()) {
    for (const trainer_client::TrainerCommand& command : trainers) {
      slots_.push_back({.command = command,
                        .label = fmt::format("trainer {}", slots_.size()),
                        .trainer = nullptr,
                        .job = {},
                        .since = {}});
    }
  }

  bool done() const { return answered_ == trajectories_.size(); }
  std::size_t answered() const { return answered_; }
  void poll();
  std::vector<Answer> take() { return std::move(answers_); }

 private:
  void serve(Slot& slot);
  void receive(Slot& slot);
  void start_next(Slot& slot);
  void answer(Slot& slot, Answer answer);
  /// The task that the trainer was doing has failed.
  void lose(Slot& slot, const std::string& why);

  const std::vector<grid::Trajectory>& trajectories_;
  const double timeout_;
  std::vector<Slot> slots_;
  std::vector<Answer> answers_;
  std::size_t next_ = 0;
  std::size_t answered_ = 0;
};

void TrainerPool::poll() {
  for (Slot& slot : slots_) serve(slot);
  if (done()) return;
  std::vector<const trainer_client::TrainerProcess*> trainers;
  trainers.reserve(slots_.size());
  for (const Slot& slot : slots_) trainers.push_back(slot.trainer.get());
  trainer_client::wait_for_any(trainers, kPollInterval);
}

void TrainerPool::serve(Slot& slot) {
  if (slot.trainer) {
    slot.trainer->log_errors();
    try {
      receive(slot);
    } catch (const UserError&) {
      throw;
    } catch (const Error& error) {
      lose(slot, error.what());
    }
  }
  if (!slot.job) start_next(slot);
}

void TrainerPool::receive(Slot& slot) {
  const bool was_ready = slot.trainer->ready();
  while (const auto message = slot.trainer->receive()) {
    if (!slot.job) fail("the trainer answered without a task");
    if (const auto* result = std::get_if<trial::TrialResult>(&*message)) {
      trainer_client::validate_result(trajectories_[*slot.job], *result);
      answer(slot, {.result = *result, .error = {}});
    } else {
      const trial::Failure& failure = std::get<trial::Failure>(*message);
      // A failure on a GPU stays with the process.
      return lose(slot, fmt::format("{}: {}", failure.kind, failure.message));
    }
  }
  if (const auto death = slot.trainer->death()) return lose(slot, *death);
  const bool ready = slot.trainer->ready();
  if (ready && !was_ready) slot.since = Clock::now();
  const double limit =
      ready ? timeout_ : Seconds(trainer_client::kPatienceToStart).count();
  if (slot.job && Seconds(Clock::now() - slot.since).count() > limit) {
    lose(slot, fmt::format("no answer within {}", format_duration(limit)));
  }
}

void TrainerPool::start_next(Slot& slot) {
  if (next_ == trajectories_.size()) return;
  if (!slot.trainer) {
    slot.trainer = std::make_unique<trainer_client::TrainerProcess>(
        slot.command, slot.label);
  }
  slot.job = next_++;
  slot.since = Clock::now();
  // A trainer that does not read its task has died, which the next poll shows.
  (void)slot.trainer->send(trajectories_[*slot.job].task);
}

void TrainerPool::answer(Slot& slot, Answer answer) {
  answers_[*slot.job] = std::move(answer);
  slot.job.reset();
  ++answered_;
}

void TrainerPool::lose(Slot& slot, const std::string& why) {
  if (!slot.trainer->ready()) {
    fail_user("{} does not start: {}", slot.command.program, why);
  }
  slot.trainer.reset();
  if (slot.job) answer(slot, {.result = {}, .error = why});
}

}  // namespace

std::vector<Answer> ask_trainers(
    const std::vector<grid::Trajectory>& trajectories,
    const std::vector<trainer_client::TrainerCommand>& trainers,
    std::optional<double> timeout,
    const std::function<void(std::size_t answered)>& progress) {
  TrainerPool pool(trajectories, trainers, timeout);
  while (!pool.done()) {
    pool.poll();
    progress(pool.answered());
  }
  return pool.take();
}

}  // namespace cape::prediction
