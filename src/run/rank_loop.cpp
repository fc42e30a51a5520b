#include "run/rank_loop.h"

#include <chrono>
#include <utility>

#include "core/error.h"
#include "core/units.h"
#include "run/handshake.h"
#include "run/signals.h"

namespace cape::run {
namespace {

worker::Worker make_worker(const grid::Workload& workload,
                           messaging::Communicator& communicator,
                           const RunStart& start,
                           worker::Worker::MakePublications make_publications) {
  const int rank = communicator.rank();
  const std::filesystem::path directory = start.directory;
  const grid::OutputConfig& output = workload.config().output;
  trainer_client::use_cpus(start.placement.cpus);
  worker::Worker::Options options;
  options.make_publications = std::move(make_publications);
  for (const std::string& device : start.placement.devices) {
    options.trainers.push_back(
        {start.trainer, device, workload.config().workers.threads});
  }
  if (start.seconds_left) {
    options.deadline =
        worker::Worker::Clock::now() + to_duration(*start.seconds_left);
  }
  shard::ShardWriter writer(
      {.directory = directory,
       .prefix = fmt::format("{}-r{}", start.prefix, rank),
       .rows_per_shard = output.rows_per_shard,
       .provenance = {.attributes = start.attributes,
                      .config_yaml = start.config_yaml}});
  worker::Quarantine quarantine(
      directory / fmt::format("failed-{}-r{}.jsonl", start.prefix, rank));
  return worker::Worker(
      workload, communicator,
      worker::Publisher(std::move(writer), std::move(quarantine), output),
      std::move(options));
}

bool is_for_worker(int tag) {
  return tag == messaging::kTagLease || tag == messaging::kTagEnd;
}

}  // namespace

RankLoop::RankLoop(const grid::Workload& workload,
                   messaging::Communicator& communicator, const RunStart& start,
                   worker::Worker::MakePublications make_publications)
    : communicator_(communicator),
      worker_(make_worker(workload, communicator, start,
                          std::move(make_publications))),
      heartbeat_(communicator, workload.config().workers.peer_timeout,
                 worker::Worker::Clock::now()) {
  catch_signals();
}

void RankLoop::run(coordinator::Coordinator* coordinator,
                   const std::function<void()>& on_poll) {
  try {
    while (!left_) {
      obey_signals();
      take_messages(coordinator);
      if (coordinator) coordinator->tick();
      worker_.poll(kPollInterval);
      heartbeat_.tick(worker::Worker::Clock::now());
      on_poll();
    }
  } catch (const StoppedError& error) {
    // The other ranks are out of reach: what is here is published without them.
    const std::string lost = worker_.abandon();
    throw StoppedError(fmt::format(
        "{}; {}", error.what(),
        lost.empty() ? "what was measured is published; run the same command "
                       "again to go on"
                     : lost));
  }
}

void RankLoop::take_messages(coordinator::Coordinator* coordinator) {
  while (const auto message = communicator_.receive()) {
    heartbeat_.heard(message->source);
    if (is_for_worker(message->tag)) {
      worker_.handle(*message);
    } else if (message->tag == messaging::kTagLeave) {
      left_ = true;
    } else if (coordinator && message->tag != messaging::kTagAlive) {
      coordinator->handle(*message);
    } else if (message->tag != messaging::kTagAlive) {
      fail("rank {} got a message for the coordinator", communicator_.rank());
    }
  }
}

void RankLoop::obey_signals() {
  if (leave_by_ && worker_.published() &&
      worker::Worker::Clock::now() > *leave_by_) {
    // The launcher is about to kill us.
    throw StoppedError("a signal came, and other ranks take long to end");
  }
  const auto wish = signalled_to_stop() ? std::optional(messaging::Ending::stop)
                    : signalled_to_drain()
                        ? std::optional(messaging::Ending::drain)
                        : std::nullopt;
  if (!wish || (told_ && *told_ >= *wish)) return;
  told_ = wish;
  communicator_.send(0, messaging::kTagSignalled, messaging::pack_one(*wish));
  if (*wish == messaging::Ending::stop) {
    // Publish first: there may be no time to wait for the coordinator's word.
    worker_.end(messaging::Ending::stop);
    leave_by_ = worker::Worker::Clock::now() + kTimeToLeave;
  }
}

}  // namespace cape::run
