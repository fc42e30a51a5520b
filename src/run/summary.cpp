#include "run/summary.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "core/version.h"

namespace cape::run {
namespace {

void print_end(const coordinator::Coordinator& coordinator, double seconds,
               const std::filesystem::path& directory) {
  const coordinator::Tally& tally = coordinator.tally();
  fmt::print("failed     {}\n", format_count(tally.all_failed()));
  fmt::print("wall time  {}\n", format_duration(seconds));
  fmt::print("shards     {}\n", directory.string());
  if (tally.all_failed() > 0) {
    fmt::print(
        "some trials failed: see failed-*.jsonl there; --retry-failed tries "
        "them again\n");
  }
  if (coordinator.exit_code() == kExitStopped) {
    const std::string reason = coordinator.early_reason();
    fmt::print("stopped early{}: run the same command again to go on\n",
               reason.empty() ? "" : fmt::format(" ({})", reason));
  }
}

}  // namespace

void log_start(const coordinator::Tally& tally, const std::string& run,
               int ranks) {
  spdlog::info("cape_farm {} ({}), run {} on {}, {} rank{}", kVersion,
               kGitCommit, run, host_name(), ranks, ranks == 1 ? "" : "s");
  if (tally.done_before > 0) {
    spdlog::info("resuming: {} of {} rows are there, {} to do",
                 format_count(tally.done_before), format_count(tally.total),
                 format_count(tally.left()));
  }
}

void print_summary(const coordinator::Coordinator& coordinator, double seconds,
                   const std::filesystem::path& directory) {
  const coordinator::Tally& tally = coordinator.tally();
  spdlog::info(
      "ended with exit code {}: {} rows new, {} of {} in all, {} failed",
      static_cast<int>(coordinator.exit_code()), format_count(tally.rows),
      format_count(tally.done_before + tally.rows), format_count(tally.total),
      format_count(tally.all_failed()));
  if (tally.rows == 0 && tally.done_before == tally.total) {
    fmt::print("nothing to do: all {} rows are in {}\n",
               format_count(tally.total), directory.string());
    return;
  }
  fmt::print("rows       {} new, {} of {} in all\n", format_count(tally.rows),
             format_count(tally.done_before + tally.rows),
             format_count(tally.total));
  fmt::print("converged  {}\n", format_count(tally.converged));
  fmt::print("censored   {}\n", format_count(tally.rows - tally.converged));
  print_end(coordinator, seconds, directory);
}

void print_refresh_summary(const coordinator::Coordinator& coordinator,
                           const ProbeRefresh& refresh, double seconds,
                           const std::filesystem::path& directory) {
  const coordinator::Tally& tally = coordinator.tally();
  const ProbeRefresh::Left& left = refresh.left();
  spdlog::info(
      "ended with exit code {}: the probes of {} trajectories repeated",
      static_cast<int>(coordinator.exit_code()), format_count(tally.rows));
  fmt::print("older probes    {} rows of {} trajectories\n",
             format_count(refresh.rows()),
             format_count(refresh.trajectories()));
  fmt::print("repeated        {} trajectories\n", format_count(tally.rows));
  fmt::print(
      "not reproduced  {} trajectories (their initial loss is another here; "
      "left as they are)\n",
      format_count(tally.unusable));
  if (left.other_datasets > 0) {
    fmt::print(
        "other data      {} rows (the configuration does not name their data "
        "set, or it has other samples here; left as they are)\n",
        format_count(left.other_datasets));
  }
  if (left.other_networks > 0) {
    fmt::print(
        "other networks  {} rows (their network cannot be built with this "
        "configuration; left as they are)\n",
        format_count(left.other_networks));
  }
  print_end(coordinator, seconds, directory);
}

}  // namespace cape::run
