#include "run/plan.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string>

#include "core/units.h"
#include "run/inventory.h"
#include "run/probe_refresh.h"
#include "shard/reader.h"
#include "zoo/architecture.h"

namespace cape::run {
namespace {

// Where nothing was measured here and none is given: one core of 2020 or later.
constexpr double kAssumedGflops = 20;

struct Line {
  std::int64_t trajectories = 0;
  double flops = 0;
  /// Some networks are in files. What these compute is not known: each weight
  /// counts as one multiplication a sample.
  bool has_files = false;
};

bool has_known_size(const grid::Grid& grid, const grid::TrialGroup& group) {
  const grid::ModelSpec& model = grid.config().grid.models[group.model];
  return model.is_sampled() ||
         zoo::has_known_size(model.architectures[group.architecture]);
}

/// Work left of a part, by "family on data set". Every group is looked at once.
std::map<std::string, Line> work_left(const grid::Grid& grid, grid::Part part,
                                      const coordinator::DoneMap& done) {
  std::map<std::string, Line> lines;
  const std::int64_t trials = grid.config().grid.trials;
  const auto line_of = [&](const grid::TrialGroup& group) -> Line& {
    return lines[fmt::format("{} on {}",
                             grid.config().grid.models[group.model].family,
                             grid.datasets()[group.dataset].name)];
  };
  for (std::int64_t g = 0; g < grid.groups(); ++g) {
    const std::int64_t members = grid::count_in_part(part, (g + 1) * trials) -
                                 grid::count_in_part(part, g * trials);
    Line& line = line_of(grid.group(g));
    line.trajectories += members;
    line.flops +=
        grid.expected_flops(g * trials) * static_cast<double>(members);
    line.has_files = line.has_files || !has_known_size(grid, grid.group(g));
  }
  for (const auto& [index, mask] : done) {
    if (index % part.count != part.index || mask != grid.all_criteria()) {
      continue;
    }
    Line& line = line_of(grid.group(index / trials));
    --line.trajectories;
    line.flops -= grid.expected_flops(index);
  }
  for (auto& [name, line] : lines) {
    if (line.trajectories == 0) line.flops = 0;  // but for rounding
  }
  return lines;
}

/// "10 classes".
std::string what_is_learnt(const datasets::DatasetInfo& dataset) {
  using datasets::Task;
  switch (dataset.task) {
    case Task::classification:
      return fmt::format("{} classes", dataset.classes);
    case Task::sequence:
      return fmt::format("{} classes a step", dataset.classes);
    case Task::multilabel:
      return fmt::format("{} labels", dataset.classes);
    case Task::regression:
      return "a number each";
  }
  return "";
}

void print_axes(const grid::Grid& grid, grid::Part part) {
  const grid::GridConfig& axes = grid.config().grid;
  const coordinator::Scheduler scheduler(grid, part, {});
  fmt::print("{}: {} groups x {} trials = {} trajectories, {} cells (rows)\n",
             grid.config().name, format_count(grid.groups()),
             format_count(axes.trials), format_count(grid.trajectories()),
             format_count(grid.cells()));
  if (part.count > 1) {
    fmt::print("part {} of {}: {} trajectories, {} cells\n", part.index,
               part.count, format_count(scheduler.trajectories()),
               format_count(scheduler.cells()));
  }
  for (const datasets::DatasetInfo& dataset : grid.datasets()) {
    fmt::print("  {}: {} samples at hand (N = {}), {}, in {}\n", dataset.name,
               format_count(dataset.samples), format_count(dataset.train_size),
               what_is_learnt(dataset), dataset.directory);
  }
}

/// Seconds at the measured speed, or else at the assumed one.
double seconds_of(const grid::SpeedEstimate& speed, const std::string& family,
                  double flops) {
  return speed.seconds(family, flops).value_or(flops / (kAssumedGflops * 1e9));
}

/// What the longest whole training takes: a trainer that is lost loses it.
void print_longest(const grid::Grid& grid, const grid::SpeedEstimate& speed) {
  const grid::TrainConfig& train = grid.config().train;
  if (train.target != trial::FullTraining::kName) return;
  double most = 0;
  std::string which;
  for (std::int64_t g = 0; g < grid.groups(); ++g) {
    const std::int64_t index = g * grid.config().grid.trials;
    const double seconds =
        seconds_of(speed, grid.family(index), grid.most_flops(index));
    if (seconds <= most) continue;
    most = seconds;
    which = fmt::format("{} on {}", grid.family(index),
                        grid.datasets()[grid.group(g).dataset].name);
  }
  fmt::print(
      "the longest trainings ({}) take about {} on average, if they take all "
      "{} "
      "epochs\n",
      which, format_duration(most), train.full_training.max_epochs);
}

/// Of a line of work_left, whose name begins with it.
std::string family_of(const std::string& name) {
  return name.substr(0, name.find(' '));
}

double seconds_of(const grid::SpeedEstimate& speed, const std::string& name,
                  const Line& line) {
  return seconds_of(speed, family_of(name), line.flops);
}

bool is_measured(const grid::SpeedEstimate& speed, const std::string& name,
                 const Line& line) {
  return speed.seconds(family_of(name), line.flops).has_value();
}

Estimate estimate_of(const std::map<std::string, Line>& lines,
                     const grid::SpeedEstimate& speed) {
  Estimate all;
  for (const auto& [name, line] : lines) {
    if (line.trajectories == 0) continue;
    const double seconds = seconds_of(speed, name, line);
    all.trainer_seconds += seconds;
    all.longest =
        std::max(all.longest, seconds / static_cast<double>(line.trajectories));
    all.is_assumed = all.is_assumed || !is_measured(speed, name, line);
    all.has_unknown = all.has_unknown ||
                      (line.has_files && !speed.has_measured(family_of(name)));
  }
  return all;
}

}  // namespace

Estimate estimate(const grid::Grid& grid, grid::Part part,
                  const coordinator::DoneMap& done,
                  const grid::SpeedEstimate& speed) {
  return estimate_of(work_left(grid, part, done), speed);
}

std::string to_text(const Estimate& estimate, std::int64_t at_once) {
  const double seconds =
      estimate.trainer_seconds / static_cast<double>(at_once);
  const std::string assumed =
      estimate.is_assumed
          ? fmt::format(" ({} GFLOP/s a trainer assumed)", kAssumedGflops)
          : "";
  return fmt::format(
      "about {}{}{}", format_duration(std::max(seconds, estimate.longest)),
      assumed,
      estimate.has_unknown ? ", perhaps much more: what networks "
                             "in files compute is not known"
                           : "");
}

void print_plan(const grid::Grid& grid, grid::Part part,
                const std::filesystem::path& directory) {
  print_axes(grid, part);
  const Inventory inventory = take_inventory(grid, directory, part);
  fmt::print("done in {}: {} cells\n", directory.string(),
             format_count(cells_in(inventory.done, part)));
  fmt::print("\n{:<32} {:>14} {:>14} {:>16}\n", "left", "trajectories", "FLOP",
             "trainer time");
  Line total;
  const std::map<std::string, Line> lines =
      work_left(grid, part, inventory.done);
  for (const auto& [name, line] : lines) {
    fmt::print("{:<32} {:>14} {:>14} {:>16}\n", name,
               format_count(line.trajectories), format_si(line.flops),
               format_duration(seconds_of(inventory.speed, name, line)));
    total.trajectories += line.trajectories;
    total.flops += line.flops;
  }
  const Estimate left = estimate_of(lines, inventory.speed);
  fmt::print("{:<32} {:>14} {:>14} {:>16}\n", "all",
             format_count(total.trajectories), format_si(total.flops),
             format_duration(left.trainer_seconds));
  if (left.has_unknown) {
    fmt::print(
        "What networks in files compute is not known: each weight counts as "
        "one multiplication a sample. Networks that use their weights many "
        "times take longer.\n");
  }
  print_longest(grid, inventory.speed);
  if (left.is_assumed) {
    fmt::print(
        "speed: {} GFLOP/s a trainer assumed; workers.gflops=X sets it, and "
        "the rows of a short run measure it\n",
        kAssumedGflops);
  } else {
    fmt::print("speed: {}\n", grid.config().workers.gflops > 0
                                  ? "as given by workers.gflops"
                                  : "as measured by the rows there are");
  }
}

void print_refresh_plan(const grid::Config& config,
                        const std::vector<datasets::DatasetInfo>& datasets,
                        grid::Part part,
                        const std::filesystem::path& directory) {
  const ProbeRefresh refresh(config, datasets, shard::shards_in(directory),
                             part);
  struct Sum {
    std::int64_t trajectories = 0;
    double seconds = 0;
  };
  std::map<std::string, Sum> sums;
  Sum all;
  for (std::int64_t i = 0; i < refresh.trajectories(); ++i) {
    for (Sum* sum : {&sums[refresh.family(i)], &all}) {
      ++sum->trajectories;
      sum->seconds += refresh.probe_seconds(i);
    }
  }
  fmt::print("{}: {} rows of {} trajectories have an older probe\n",
             directory.string(), format_count(refresh.rows()),
             format_count(refresh.trajectories()));
  if (refresh.left().all() > 0) {
    fmt::print(
        "{} more rows cannot be probed here: the configuration does not name "
        "their data set or the file of their network, or this program cannot "
        "build the network\n",
        format_count(refresh.left().all()));
  }
  for (const std::string& why : refresh.left().unreadable) {
    fmt::print("unreadable: {}\n", why);
  }
  fmt::print("\n{:<32} {:>14} {:>16}\n", "to probe again", "trajectories",
             "trainer time");
  const auto print = [](const std::string& name, const Sum& sum) {
    fmt::print("{:<32} {:>14} {:>16}\n", name, format_count(sum.trajectories),
               format_duration(sum.seconds));
  };
  for (const auto& [family, sum] : sums) print(family, sum);
  print("all", all);
  fmt::print("speed: as the probes took before\n");
}

ExitCode print_status(const grid::Grid& grid, grid::Part part,
                      const std::filesystem::path& directory) {
  const Inventory inventory = take_inventory(grid, directory, part);
  const std::int64_t cells = coordinator::Scheduler(grid, part, {}).cells();
  const std::int64_t done = cells_in(inventory.done, part);
  const std::int64_t failed = cells_in(inventory.failed, part);
  const std::int64_t converged = cells_in(inventory.converged, part);
  fmt::print("{}: {} shards\n", directory.string(), inventory.shards);
  fmt::print("rows        {} of {}\n", format_count(done), format_count(cells));
  fmt::print("converged   {}\n", format_count(converged));
  fmt::print("censored    {}\n", format_count(done - converged));
  fmt::print("failed      {}\n", format_count(failed));
  fmt::print("to do       {}\n", format_count(cells - done - failed));
  if (inventory.other_rows > 0) {
    fmt::print("other rows  {} (of other settings; left alone)\n",
               format_count(inventory.other_rows));
  }
  for (const auto& [path, why] : inventory.unreadable) {
    fmt::print("unreadable: {}\n", why);
  }
  for (const auto& [index, trial] : inventory.failures) {
    if (index % part.count != part.index) continue;
    fmt::print("failed {} times: {}: {}\n", trial.attempts, trial.description,
               trial.error);
  }
  if (done + failed < cells) return kExitStopped;
  return failed > 0 ? kExitSomeFailed : kExitDone;
}

}  // namespace cape::run
