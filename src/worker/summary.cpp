#include "worker/summary.h"

#include <fmt/format.h>

#include "core/units.h"

namespace cape {

void print_summary(const Coordinator& coordinator, double seconds,
                   const std::filesystem::path& directory) {
  const Tally& tally = coordinator.tally();
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
  fmt::print("failed     {}\n", format_count(tally.all_failed()));
  fmt::print("wall time  {}\n", format_duration(seconds));
  fmt::print("shards     {}\n", directory.string());
  if (tally.all_failed() > 0) {
    fmt::print(
        "some trials failed: see failed-*.jsonl there; --retry-failed tries "
        "them again\n");
  }
  if (!coordinator.early_reason().empty() || tally.left() > 0) {
    const std::string& reason = coordinator.early_reason();
    fmt::print("stopped early{}: run the same command again to go on\n",
               reason.empty() ? "" : fmt::format(" ({})", reason));
  }
}

}  // namespace cape
