// What a directory of shards costs: a flush of one that grows, and the look at
// all of them with which a run begins.
//
//   bench_resume [--shards N] [--rows N]   (in all; default 1,000 and 10^6)
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "core/random.h"
#include "run/inventory.h"
#include "shard/writer.h"
#include "trainer_client/rows.h"

namespace cape::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

grid::Grid grid_of(std::int64_t rows) {
  grid::Config config;
  config.name = "resume";
  config.grid = {.models = {{.family = "mlp",
                             .sample_published = true,
                             .architectures = {}}},
                 .datasets = {{.name = "mnist"}},
                 .learning_rate = {5e-4, 1e-3, 2e-3},
                 .batch_size = {32, 64, 128},
                 .epsilon = {0.1, 0.15, 0.2},
                 .trials = rows / 27 + 1};
  return grid::Grid(config, {{.name = "mnist",
                              .shape = {1, 28, 28},
                              .classes = 10,
                              .samples = 60000,
                              .train_size = 60000,
                              .fingerprint = "made up",
                              .directory = "/nowhere"}});
}

/// Made up, but as hard to compress as what is measured.
trial::TrialResult result_for(const grid::Trajectory& trajectory,
                              Random& random) {
  trial::TrialResult result{
      .trajectory = trajectory.task.trajectory,
      .parameters = 100000 + random.below(1000000),
      .probe = {.g2 = random.uniform(),
                .tau = random.uniform(),
                .extended =
                    trial::ExtendedProbe{.loss = random.uniform(),
                                         .mean_g2 = random.uniform(),
                                         .label_entropy = random.uniform(),
                                         .logit_spread = random.uniform()}},
      .initial_loss = random.uniform(),
      .outcomes = {},
      .probe_seconds = random.uniform(),
      .step_seconds = random.uniform(),
      .device = "cpu",
      .losses = std::vector<float>(25)};
  for (float& loss : result.losses) loss = static_cast<float>(random.uniform());
  for (const trial::Criterion& criterion : trajectory.task.criteria) {
    result.outcomes.push_back({criterion, random.below(24),
                               trial::StopReason::converged, 24,
                               random.uniform()});
  }
  return result;
}

shard::ShardWriter writer_to(const std::filesystem::path& folder,
                             std::int64_t rows_per_shard) {
  return shard::ShardWriter({.directory = folder,
                             .prefix = "resume-0of1-run-r0",
                             .rows_per_shard = rows_per_shard,
                             .provenance = {}});
}

void fill(shard::ShardWriter& writer, const grid::Grid& grid,
          std::int64_t rows) {
  Random random(1);
  for (std::int64_t i = 0; 3 * i < rows; ++i) {
    const grid::Trajectory trajectory = grid.trajectory(i, grid.all_criteria());
    const trial::TrialResult result = result_for(trajectory, random);
    writer.add(trainer_client::make_rows(trajectory, result), result.losses);
  }
}

void measure(std::int64_t shards, std::int64_t rows) {
  std::string name = std::filesystem::temp_directory_path() / "resume_XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(name.data());
  const grid::Grid grid = grid_of(rows);

  auto one = writer_to(folder, 5000);
  fill(one, grid, 5000);
  Clock::time_point begin = Clock::now();
  one.flush();
  const double flush = seconds_since(begin);
  fmt::print(
      "flush   a full shard of 5,000 rows: {:.0f} ms, {:.2f} % of 30 s\n",
      1e3 * flush, 100 * flush / 30);

  auto many = writer_to(folder, rows / shards);
  fill(many, grid, rows);
  many.flush();
  begin = Clock::now();
  const std::clock_t cpu_begin = std::clock();
  const run::Inventory inventory = run::take_inventory(grid, folder);
  const double scan = seconds_since(begin);
  const double cpu = static_cast<double>(std::clock() - cpu_begin) /
                     static_cast<double>(CLOCKS_PER_SEC);
  fmt::print("resume  {} shards, {} rows: {:.1f} s, of a CPU {:.1f} s\n",
             inventory.shards, run::cells_in(inventory.done, {}), scan, cpu);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace cape::bench

int main(int argc, char** argv) {
  CLI::App app("Measures the reading and writing of shards.");
  std::int64_t shards = 1000, rows = 1000000;
  app.add_option("--shards", shards)->check(CLI::PositiveNumber);
  app.add_option("--rows", rows)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  cape::bench::measure(shards, rows);
  return 0;
}
