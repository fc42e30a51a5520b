#include "worker/rank_loop.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <utility>

#include "core/error.h"

namespace cape {
namespace {

// mpirun kills its ranks a second after it has passed on a SIGTERM.
constexpr std::chrono::milliseconds kTimeToLeave{500};
constexpr std::chrono::milliseconds kTurn{10};

volatile std::sig_atomic_t stop_signal = 0;
volatile std::sig_atomic_t drain_signal = 0;

extern "C" void note_signal(int signal) {
  if (signal == SIGTERM || signal == SIGINT) {
    stop_signal = 1;
  } else {
    drain_signal = 1;
  }
}

Worker make_worker(const Grid& grid, Communicator& communicator,
                   const RunStart& start) {
  const int rank = communicator.rank();
  const std::filesystem::path directory = start.directory;
  const OutputConfig& output = grid.config().output;
  use_cpus(start.placement.cpus);
  Worker::Options options;
  for (const std::string& device : start.placement.devices) {
    options.trainers.push_back(
        {start.trainer, device, grid.config().workers.threads});
  }
  if (start.seconds_left) {
    options.deadline = Worker::Clock::now() +
                       std::chrono::duration_cast<Worker::Clock::duration>(
                           std::chrono::duration<double>(*start.seconds_left));
  }
  shard::ShardWriter writer(
      {.directory = directory,
       .prefix = fmt::format("{}-r{}", start.prefix, rank),
       .rows_per_shard = output.rows_per_shard,
       .provenance = {.attributes = start.attributes,
                      .config_yaml = start.config_yaml}});
  Quarantine quarantine(directory /
                        fmt::format("failed-{}-r{}.jsonl", start.prefix, rank));
  return Worker(grid, communicator, std::move(writer), std::move(quarantine),
                std::move(options));
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGUSR2}) {
    ::sigaction(signal, &action, nullptr);
  }
}

bool is_for_worker(int tag) { return tag == kTagLease || tag == kTagEnd; }

}  // namespace

bool stop_signalled() { return stop_signal != 0; }

RankLoop::RankLoop(const Grid& grid, Communicator& communicator,
                   const RunStart& start)
    : communicator_(communicator),
      worker_(make_worker(grid, communicator, start)) {
  catch_signals();
}

void RankLoop::run(Coordinator* coordinator,
                   const std::function<void()>& every_turn) {
  const auto at_end = [&] {
    return worker_.published() && (!coordinator || coordinator->finished());
  };
  while (!at_end()) {
    obey_signals();
    take_messages(coordinator);
    if (coordinator) coordinator->tick();
    worker_.poll(kTurn);
    every_turn();
    if (worker_.published() && leave_by_ && Worker::Clock::now() > *leave_by_) {
      // The others are slow or gone, and the launcher is about to kill us.
      ::_exit(kExitStopped);
    }
  }
}

void RankLoop::take_messages(Coordinator* coordinator) {
  while (const auto message = communicator_.receive()) {
    if (is_for_worker(message->tag)) {
      worker_.handle(*message);
    } else if (coordinator) {
      coordinator->handle(*message);
    } else {
      fail("rank {} got a message for the coordinator", communicator_.rank());
    }
  }
}

void RankLoop::obey_signals() {
  const auto wish = stop_signal != 0    ? std::optional(Ending::stop)
                    : drain_signal != 0 ? std::optional(Ending::drain)
                                        : std::nullopt;
  if (!wish || (told_ && *told_ >= *wish)) return;
  told_ = wish;
  communicator_.send(0, kTagSignalled, pack_one(*wish));
  if (*wish == Ending::stop) {
    // Publish first: there may be no time to wait for the coordinator's word.
    worker_.end(Ending::stop);
    leave_by_ = Worker::Clock::now() + kTimeToLeave;
  }
}

}  // namespace cape
