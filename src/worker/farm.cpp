#include "worker/farm.h"

#include <spdlog/spdlog.h>

#include <chrono>

#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "grid/config_yaml.h"
#include "worker/claim.h"
#include "worker/handshake.h"
#include "worker/inventory.h"
#include "worker/rank_loop.h"
#include "worker/run_directory.h"
#include "worker/run_start.h"
#include "worker/slurm_job.h"
#include "worker/summary.h"
#include "worker/trainer_query.h"

namespace cape {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

Coordinator::Options what_to_do(const Inventory& inventory,
                                const FarmOptions& options,
                                Clock::time_point started) {
  Coordinator::Options what{
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
PlacementPlan place_ranks(Communicator& communicator, const Grid& grid,
                          const std::string& trainer) {
  const WorkersConfig& workers = grid.config().workers;
  PlacementPlan plan =
      place(gather_resources(communicator, {trainer, workers.device}), workers);
  for (const std::string& warning : plan.warnings) spdlog::warn("{}", warning);
  for (const std::string& line : plan.summary) spdlog::info("{}", line);
  return plan;
}

/// Does what is left, on all ranks.
void run_ranks(Communicator& communicator, const Grid& grid,
               const FarmOptions& options, const std::string& run,
               Clock::time_point started, Coordinator& coordinator) {
  const std::string trainer = options.trainer.string();
  const std::string torch = ask_torch_version(trainer);
  const PlacementPlan plan = place_ranks(communicator, grid, trainer);
  const TokenFile token(options.directory, run);
  RunStart start{.config_yaml = to_yaml(grid.config()),
                 .datasets = grid.datasets(),
                 .directory = absolute_path(options.directory).string(),
                 .token = token.name(),
                 .prefix = run,
                 .trainer = trainer,
                 .seconds_left = {},
                 .attributes = run_attributes(grid, options.part, torch),
                 .placement = plan.ranks.front()};
  if (options.time_limit) {
    start.seconds_left =
        *options.time_limit - Seconds(Clock::now() - started).count();
  }
  start_ranks(communicator, start, plan);
  for (int rank = 0; rank < communicator.size(); ++rank) {
    const auto& devices = plan.ranks[static_cast<std::size_t>(rank)].devices;
    coordinator.set_slots(rank, std::ssize(devices));
  }
  Progress progress(options.progress);
  RankLoop loop(grid, communicator, start);
  loop.run(&coordinator,
           [&] { progress.update(coordinator.tally(), coordinator.eta()); });
  progress.finish();
}

}  // namespace

std::vector<datasets::DatasetInfo> open_datasets(const Config& config) {
  std::vector<datasets::DatasetInfo> infos;
  std::vector<std::string> problems;
  const auto roots = datasets::search_roots(config.data_dir);
  for (std::size_t d = 0; d < config.grid.datasets.size(); ++d) {
    try {
      const DatasetSpec& spec = config.grid.datasets[d];
      infos.push_back(spec.own ? datasets::open_own(spec.name, *spec.own).info
                               : datasets::load(spec.name, roots).info);
      const datasets::DatasetInfo& info = infos.back();
      if (!info.note.empty()) spdlog::warn("{}: {}", info.name, info.note);
    } catch (const UserError& error) {
      problems.push_back(fmt::format(
          "{}: {}", config.where(fmt::format("grid.datasets[{}]", d)),
          error.what()));
    }
  }
  if (!problems.empty()) {
    throw UserError(fmt::format("{}", fmt::join(problems, "\n")));
  }
  return infos;
}

ExitCode run_farm(Communicator& communicator, const Grid& grid,
                  const FarmOptions& options) {
  const Clock::time_point started = Clock::now();
  refuse_unconnected_tasks(communicator.size(), options.part.count);
  const std::string part = part_name(grid.config().name, options.part);
  const std::string run = fmt::format("{}-{}", part, make_run_id());
  make_run_directory(options.directory);
  const Claim claim(options.directory, grid.config().name, options.part);
  sweep_leftovers(options.directory, part);
  log_to_file(options.directory, 0);
  const Inventory inventory =
      take_inventory(grid, options.directory, options.part);
  Coordinator coordinator(grid, communicator,
                          what_to_do(inventory, options, started));
  log_start(coordinator.tally(), run, communicator.size());
  report_inventory(inventory, options);
  if (coordinator.tally().left() == 0) {
    dismiss_ranks(communicator);
  } else {
    run_ranks(communicator, grid, options, run, started, coordinator);
  }
  print_summary(coordinator, Seconds(Clock::now() - started).count(),
                options.directory);
  if (coordinator.finished()) leave_together(communicator);
  return coordinator.exit_code();
}

void join_farm(Communicator& communicator) {
  if (const auto start = await_start(communicator)) {
    log_to_file(start->directory, communicator.rank());
    const Grid grid(
        parse_config(start->config_yaml, "rank 0's configuration", {}),
        start->datasets);
    RankLoop(grid, communicator, *start).run(nullptr, [] {});
  }
  leave_together(communicator);
}

}  // namespace cape
