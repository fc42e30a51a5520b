#include "run/farm.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "grid/config_yaml.h"
#include "run/claim.h"
#include "run/handshake.h"
#include "run/inventory.h"
#include "run/plan.h"
#include "run/probe_refresh.h"
#include "run/rank_loop.h"
#include "run/run_directory.h"
#include "run/run_start.h"
#include "run/slurm_job.h"
#include "run/summary.h"
#include "shard/reader.h"
#include "trainer_client/trainer_query.h"

namespace cape::run {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

coordinator::Coordinator::Options make_coordinator_options(
    const Inventory& inventory, const FarmOptions& options,
    Clock::time_point started) {
  coordinator::Coordinator::Options what{
      .part = options.part,
      .done = inventory.done,
      .done_before = cells_in(inventory.done, options.part),
      .failed_before = 0,
      .speed = inventory.speed,
      .deadline = {}};
  if (!options.retry_failed) {
    what.failed_before = cells_in(inventory.failed, options.part);
    for (const auto& [index, mask] : inventory.failed) what.done[index] |= mask;
  }
  if (options.time_limit) {
    what.deadline = started + to_duration(*options.time_limit);
  }
  return what;
}

void report_inventory(const Inventory& inventory, const FarmOptions& options) {
  for (const auto& [path, why] : inventory.unreadable) {
    spdlog::warn("{}; it is left alone, what it held is done again", why);
  }
  if (inventory.other_rows > 0) {
    spdlog::info("{} rows in {} are of other settings and are left alone",
                 format_count(inventory.other_rows),
                 options.directory.string());
  }
}

/// Looks at all machines and shares them out.
trainer_client::PlacementPlan place_ranks(messaging::Communicator& communicator,
                                          const grid::WorkersConfig& workers,
                                          const std::string& trainer) {
  trainer_client::PlacementPlan plan = trainer_client::place(
      gather_resources(communicator, {trainer, workers.device}), workers);
  for (const std::string& warning : plan.warnings) spdlog::warn("{}", warning);
  for (const std::string& line : plan.summary) spdlog::info("{}", line);
  return plan;
}

worker::Worker::MakePublications refreshed_rows(const ProbeRefresh& refresh) {
  return [&refresh](const grid::Trajectory& trajectory,
                    const trial::TrialResult& result) {
    return refresh.publications(trajectory, result);
  };
}

/// One run of this program: its names, its time, its share of the files.
struct Run {
  std::string part;
  std::string id;
  Clock::time_point started = Clock::now();

  Run(const std::string& name, const FarmOptions& options)
      : part(part_name(name, options.part)),
        id(fmt::format("{}-{}", part, make_run_id())) {
    make_run_directory(options.directory);
  }

  double seconds() const { return Seconds(Clock::now() - started).count(); }
};

/// Says how long it should take where so many trainers compute at once.
using SayEstimate = std::function<void(std::int64_t at_once)>;

/// Does what is left, on all ranks. `start` says what the other ranks need to
/// know of the work; the rest of it is filled in here.
void run_ranks(messaging::Communicator& communicator,
               const grid::Workload& workload, const FarmOptions& options,
               const Run& run, RunStart start,
               worker::Worker::MakePublications make_publications,
               const SayEstimate& say_estimate,
               coordinator::Coordinator& coordinator) {
  const std::string trainer = options.trainer.string();
  const std::string torch = trainer_client::ask_torch_version(trainer);
  const trainer_client::PlacementPlan plan =
      place_ranks(communicator, workload.config().workers, trainer);
  const TokenFile token(options.directory, run.id);
  start.config_yaml = grid::to_yaml(workload.config());
  start.directory = absolute_path(options.directory).string();
  start.token = token.name();
  start.prefix = run.id;
  start.trainer = trainer;
  start.part = options.part;
  start.placement = plan.ranks.front();
  auto attributes = run_attributes(torch);
  std::ranges::move(start.attributes, std::back_inserter(attributes));
  start.attributes = std::move(attributes);
  if (options.time_limit) {
    start.seconds_left = *options.time_limit - run.seconds();
  }
  start_ranks(communicator, start, plan);
  for (int rank = 0; rank < communicator.size(); ++rank) {
    const auto& devices = plan.ranks[static_cast<std::size_t>(rank)].devices;
    coordinator.set_slots(rank, std::ssize(devices));
  }
  say_estimate(plan.at_once);
  if (communicator.size() > 1 && plan.summary.size() == 1) {
    spdlog::info("on one machine, cape_farm without a launcher does the same");
  }
  Progress progress(options.progress);
  RankLoop loop(workload, communicator, start, std::move(make_publications));
  loop.run(&coordinator,
           [&] { progress.update(coordinator.tally(), coordinator.eta()); });
  progress.finish();
}

}  // namespace

ExitCode run_farm(messaging::Communicator& communicator, const grid::Grid& grid,
                  const FarmOptions& options) {
  refuse_unconnected_tasks(communicator.size(), options.part.count);
  const Run run(grid.config().name, options);
  const Claim claim(options.directory, grid.config().name, options.part);
  remove_leftover_files(options.directory, run.part);
  log_to_file(options.directory, 0);
  const Inventory inventory =
      take_inventory(grid, options.directory, options.part);
  const coordinator::Coordinator::Options work =
      make_coordinator_options(inventory, options, run.started);
  coordinator::Coordinator coordinator(grid, communicator, work);
  log_start(coordinator.tally(), run.id, communicator.size());
  report_inventory(inventory, options);
  if (coordinator.tally().left() == 0) {
    dismiss_ranks(communicator);
  } else {
    RunStart start;
    start.datasets = grid.datasets();
    start.attributes = {{kPartAttribute, part_mark(grid, options.part)}};
    const auto say_estimate = [&](std::int64_t at_once) {
      spdlog::info("expected: {}; --plan says more",
                   to_text(estimate(grid, options.part, work.done, work.speed),
                           at_once));
    };
    run_ranks(communicator, grid, options, run, std::move(start),
              worker::measured_rows(grid.config().output), say_estimate,
              coordinator);
  }
  print_summary(coordinator, run.seconds(), options.directory);
  if (coordinator.finished()) leave_together(communicator);
  return coordinator.exit_code();
}

ExitCode refresh_probes(messaging::Communicator& communicator,
                        const grid::Config& config,
                        const std::vector<datasets::DatasetInfo>& datasets,
                        const FarmOptions& options) {
  refuse_unconnected_tasks(communicator.size(), options.part.count);
  const Run run(config.name, options);
  const Claim claim(options.directory, config.name, options.part);
  remove_leftover_files(options.directory, run.part);
  log_to_file(options.directory, 0);
  const auto shards = shard::shards_in(options.directory);
  const ProbeRefresh refresh(config, datasets, shards, options.part);
  for (const std::string& why : refresh.left().unreadable) {
    spdlog::warn("{}; it is left alone", why);
  }
  coordinator::Coordinator::Options work{
      .unit = "probes", .speed = grid::SpeedEstimate(config.workers.gflops)};
  if (options.time_limit) {
    work.deadline = run.started + to_duration(*options.time_limit);
  }
  coordinator::Coordinator coordinator(refresh, communicator, work);
  log_start(coordinator.tally(), run.id, communicator.size());
  if (coordinator.tally().left() == 0) {
    dismiss_ranks(communicator);
  } else {
    RunStart start;
    start.datasets = datasets;
    start.refreshed_shards.emplace();
    for (const auto& shard : shards) {
      start.refreshed_shards->push_back(absolute_path(shard).string());
    }
    run_ranks(
        communicator, refresh, options, run, std::move(start),
        refreshed_rows(refresh), [](std::int64_t) {}, coordinator);
  }
  print_refresh_summary(coordinator, refresh, run.seconds(), options.directory);
  if (coordinator.finished()) leave_together(communicator);
  return coordinator.exit_code();
}

void join_farm(messaging::Communicator& communicator) {
  if (const auto start = await_start(communicator)) {
    log_to_file(start->directory, communicator.rank());
    const grid::Config config =
        grid::parse_config(start->config_yaml, "rank 0's configuration", {});
    const auto join = [&](const grid::Workload& workload,
                          worker::Worker::MakePublications make_publications) {
      RankLoop(workload, communicator, *start, std::move(make_publications))
          .run(nullptr, [] {});
    };
    if (start->refreshed_shards) {
      const ProbeRefresh refresh(
          config, start->datasets,
          {start->refreshed_shards->begin(), start->refreshed_shards->end()},
          start->part);
      join(refresh, refreshed_rows(refresh));
    } else {
      join(grid::Grid(config, start->datasets),
           worker::measured_rows(config.output));
    }
  }
  leave_together(communicator);
}

}  // namespace cape::run
