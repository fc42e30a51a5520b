#include "worker/farm.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "grid/config_yaml.h"
#include "worker/claim.h"
#include "worker/inventory.h"
#include "worker/rank_loop.h"
#include "worker/run_directory.h"
#include "worker/run_start.h"
#include "worker/summary.h"
#include "worker/trainer_query.h"

namespace cape {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kTurn{10};
constexpr std::chrono::milliseconds kTimeToLeave{500};

/// Waits for the next message; only at the start, when there is nothing else
/// to do.
Message wait_for_message(Communicator& communicator) {
  while (true) {
    if (auto message = communicator.receive()) return *std::move(message);
    std::this_thread::sleep_for(kTurn);
  }
}

void leave_together(Communicator& communicator) {
  const Clock::time_point since = Clock::now();
  while (!communicator.all_done()) {
    std::this_thread::sleep_for(kTurn);
    // All is published; a launcher that stops the run does not wait either.
    if (stop_signalled() && Clock::now() > since + kTimeToLeave) {
      ::_exit(kExitStopped);
    }
  }
}

std::vector<RankResources> gather_resources(Communicator& communicator,
                                            const std::string& trainer) {
  std::vector<RankResources> ranks(
      static_cast<std::size_t>(communicator.size()));
  ranks[0] = inspect_rank([&] { return count_gpus(trainer); });
  for (int missing = communicator.size() - 1; missing > 0; --missing) {
    const Message hello = wait_for_message(communicator);
    ranks[static_cast<std::size_t>(hello.source)] =
        decode_rank_resources(hello.body);
  }
  return ranks;
}

/// Empty when this rank sees what rank 0 sees.
std::string check_directory(const RunStart& start) {
  const auto token = std::filesystem::path(start.directory) / start.token;
  // A network file system may show a new file late.
  const auto patience = Clock::now() + std::chrono::seconds(10);
  while (!std::filesystem::exists(token)) {
    if (Clock::now() > patience) {
      return fmt::format(
          "{} does not see {}, which rank 0 wrote; all ranks need the same "
          "directory: put --out on a shared file system",
          host_name(), token.string());
    }
    std::this_thread::sleep_for(kTurn);
  }
  return "";
}

/// Tells every rank what to do and waits until all can. Throws UserError with
/// what every rank has against it.
void start_ranks(Communicator& communicator, RunStart start,
                 const PlacementPlan& plan) {
  for (int rank = 1; rank < communicator.size(); ++rank) {
    start.placement = plan.ranks[static_cast<std::size_t>(rank)];
    communicator.send(rank, kTagStart, encode(start));
  }
  std::set<std::string> problems;
  for (int missing = communicator.size() - 1; missing > 0; --missing) {
    const Message ready = wait_for_message(communicator);
    if (ready.body.empty()) continue;
    problems.insert(fmt::format("rank {}: {}", ready.source, ready.body));
  }
  if (!problems.empty()) {
    throw UserError(fmt::format("{}", fmt::join(problems, "\n")));
  }
  for (int rank = 1; rank < communicator.size(); ++rank) {
    communicator.send(rank, kTagStart, "go");
  }
}

/// Epsilons that this run is not to work on.
DoneMap settled(const Inventory& inventory, bool retry_failed) {
  DoneMap map = inventory.done;
  if (retry_failed) return map;
  for (const auto& [index, mask] : inventory.failed) map[index] |= mask;
  return map;
}

void report_inventory(const Inventory& inventory, const Grid& grid,
                      const FarmOptions& options) {
  for (const auto& [path, why] : inventory.unreadable) {
    spdlog::warn("{}; it is left alone, what it held is done again", why);
  }
  if (inventory.other_rows > 0) {
    spdlog::info("{} rows in {} are of other settings and are left alone",
                 format_count(inventory.other_rows),
                 options.directory.string());
  }
  const std::int64_t done = cells_in(inventory.done, options.part);
  if (done > 0) {
    const Scheduler all(grid, options.part, {});
    spdlog::info("resuming: {} of {} rows are there, {} to do",
                 format_count(done), format_count(all.cells()),
                 format_count(all.cells() - done));
  }
}

}  // namespace

std::vector<datasets::DatasetInfo> open_datasets(const Config& config) {
  std::vector<datasets::DatasetInfo> infos;
  std::vector<std::string> problems;
  const auto roots = datasets::search_roots(config.data_dir);
  for (std::size_t d = 0; d < config.grid.datasets.size(); ++d) {
    try {
      infos.push_back(datasets::load(config.grid.datasets[d], roots).info);
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

void dismiss_ranks(Communicator& communicator) {
  for (int rank = 1; rank < communicator.size(); ++rank) {
    communicator.send(rank, kTagStart, "");
  }
  // What they sent meanwhile is taken, so that nothing is left in flight.
  while (!communicator.all_done()) {
    (void)communicator.receive();
    std::this_thread::sleep_for(kTurn);
  }
}

ExitCode run_farm(Communicator& communicator, const Grid& grid,
                  const FarmOptions& options) {
  const Clock::time_point started = Clock::now();
  const Config& config = grid.config();
  make_run_directory(options.directory);
  Claim claim(options.directory, config.name, options.part);
  log_to_file(options.directory, 0);
  const Inventory inventory = take_inventory(grid, options.directory);
  report_inventory(inventory, grid, options);

  Coordinator::Options coordinator_options{
      .part = options.part,
      .done = settled(inventory, options.retry_failed),
      .done_before = cells_in(inventory.done, options.part),
      .failed_before =
          options.retry_failed ? 0 : cells_in(inventory.failed, options.part),
      .speed = inventory.speed,
      .deadline = {}};
  if (options.time_limit) {
    coordinator_options.deadline =
        started + std::chrono::duration_cast<Clock::duration>(
                      std::chrono::duration<double>(*options.time_limit));
  }
  Coordinator coordinator(grid, communicator, std::move(coordinator_options));
  if (coordinator.tally().left() == 0) {
    dismiss_ranks(communicator);
    print_summary(coordinator, 0, options.directory);
    return coordinator.exit_code();
  }

  const std::string trainer = options.trainer.string();
  const std::string torch = ask_torch_version(trainer);
  const PlacementPlan plan =
      place(gather_resources(communicator, trainer), config.workers);
  for (const std::string& warning : plan.warnings) spdlog::warn("{}", warning);
  for (const std::string& line : plan.summary) spdlog::info("{}", line);
  const TokenFile token(options.directory);
  RunStart start{
      .config_yaml = to_yaml(config),
      .datasets = grid.datasets(),
      .directory = std::filesystem::absolute(options.directory).string(),
      .token = token.name(),
      .prefix = fmt::format("{}-{}of{}-{}", config.name, options.part.index,
                            options.part.count, make_run_id()),
      .trainer = trainer,
      .seconds_left = {},
      .attributes = run_attributes(torch),
      .placement = plan.ranks.front()};
  if (options.time_limit) {
    start.seconds_left =
        *options.time_limit -
        std::chrono::duration<double>(Clock::now() - started).count();
  }
  start_ranks(communicator, start, plan);

  Progress progress(options.progress);
  RankLoop loop(grid, communicator, start);
  loop.run(&coordinator, [&] {
    claim.heartbeat();
    progress.update(coordinator.tally(), coordinator.eta());
  });
  progress.finish();
  print_summary(coordinator,
                std::chrono::duration<double>(Clock::now() - started).count(),
                options.directory);
  leave_together(communicator);
  return coordinator.exit_code();
}

void join_farm(Communicator& communicator) {
  communicator.send(
      0, kTagHello, encode(inspect_rank([] {
        return count_gpus((executable_directory() / "cape_trainer").string());
      })));
  const Message message = wait_for_message(communicator);
  if (message.body.empty()) return leave_together(communicator);
  const RunStart start = decode_run_start(message.body);
  communicator.send(0, kTagReady, check_directory(start));
  if (wait_for_message(communicator).body.empty()) {
    return leave_together(communicator);
  }
  log_to_file(start.directory, communicator.rank());
  const Grid grid(parse_config(start.config_yaml, "rank 0's configuration", {}),
                  start.datasets);
  RankLoop loop(grid, communicator, start);
  loop.run(nullptr, [] {});
  leave_together(communicator);
}

}  // namespace cape
