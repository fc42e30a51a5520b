#include "worker/support.h"

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <csignal>

namespace cape::worker {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{60};

std::int64_t done_cells(const coordinator::DoneMap& done) {
  std::int64_t cells = 0;
  for (const auto& [index, mask] : done) cells += std::popcount(mask);
  return cells;
}

}  // namespace

Publisher make_publisher(const grid::Grid& grid,
                         const std::filesystem::path& directory,
                         const std::string& prefix,
                         std::function<Publisher::Clock::time_point()> now) {
  return Publisher(
      shard::ShardWriter({.directory = directory,
                          .prefix = prefix,
                          .provenance = {.attributes = {}, .config_yaml = ""}}),
      Quarantine(directory / ("failed-" + prefix + ".jsonl")),
      grid.config().output, std::move(now));
}

std::unique_ptr<Worker> make_worker(
    const grid::Grid& grid, messaging::Communicator& communicator,
    const std::filesystem::path& directory,
    const std::vector<trainer_client::TrainerCommand>& trainers) {
  std::signal(SIGPIPE, SIG_IGN);  // as cape_farm does
  const std::string prefix = fmt::format("small-r{}", communicator.rank());
  return std::make_unique<Worker>(
      grid, communicator, make_publisher(grid, directory, prefix),
      Worker::Options{.trainers = trainers,
                      .make_publications = measured_rows(grid.config().output),
                      .deadline = {},
                      .patience_to_start = std::chrono::seconds(4)});
}

FarmResult run_small_farm(const grid::Grid& grid,
                          const std::filesystem::path& directory,
                          const FarmSetup& setup) {
  const auto ranks = messaging::connect_in_process(setup.ranks);
  coordinator::Coordinator coordinator(grid, *ranks[0],
                                       {.part = {},
                                        .done = setup.done,
                                        .done_before = done_cells(setup.done),
                                        .speed = grid::SpeedEstimate(),
                                        .deadline = {}});
  std::vector<std::unique_ptr<Worker>> workers;
  workers.reserve(ranks.size());
  for (const auto& rank : ranks) {
    const bool last = rank == ranks.back() && !setup.last_rank.empty();
    workers.push_back(make_worker(grid, *rank, directory,
                                  last ? setup.last_rank : setup.trainers));
  }
  const Clock::time_point give_up = Clock::now() + kPatience;
  while (!coordinator.finished()) {
    if (Clock::now() > give_up) {
      ADD_FAILURE() << "the farm does not come to its end";
      break;
    }
    for (std::size_t r = 0; r < workers.size(); ++r) {
      while (const auto message = ranks[r]->receive()) {
        if (message->tag == messaging::kTagLease ||
            message->tag == messaging::kTagEnd) {
          workers[r]->handle(*message);
        } else if (message->tag != messaging::kTagLeave) {
          coordinator.handle(*message);
        }
      }
      workers[r]->poll(std::chrono::milliseconds(1));
    }
    coordinator.tick();
  }
  return {coordinator.exit_code(), coordinator.tally(),
          coordinator.early_reason()};
}

void poll_until(Worker& worker, const std::function<bool()>& done) {
  const Clock::time_point give_up = Clock::now() + kPatience;
  while (!done()) {
    ASSERT_LT(Clock::now(), give_up) << "the worker does not come to it";
    worker.poll(std::chrono::milliseconds(1));
  }
}

}  // namespace cape::worker
