#include "comparison.h"

#include <ATen/Parallel.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "measure.h"
#include "report.h"
#include "trainer/device.h"
#include "zoo/sampler.h"

namespace cape::bench {
namespace {

/// Different architectures of `family`: the first that the published sampler
/// draws, or all it can draw if they are fewer.
std::vector<zoo::Architecture> draw(const std::string& family,
                                    const datasets::DatasetInfo& info,
                                    const Options& options) {
  constexpr int kTries = 1000;
  Random random(seed_of(fmt::format("bench/{}/{}", options.seed, family)));
  std::vector<zoo::Architecture> drawn;
  for (int i = 0; i < kTries; ++i) {
    if (drawn.size() == static_cast<std::size_t>(options.draws)) break;
    const zoo::Architecture architecture =
        zoo::sample_published(family, info.shape, info.classes, random);
    if (std::find(drawn.begin(), drawn.end(), architecture) == drawn.end()) {
      drawn.push_back(architecture);
    }
  }
  return drawn;
}

Case make_case(const zoo::Architecture& architecture,
               const datasets::Dataset& dataset, const Options& options) {
  trial::TrialTask task;
  task.architecture = architecture;
  task.learning_rate = 1e-3;
  task.batch_size = 64;
  task.criteria = trial::criteria_of({0.1, 0.15, 0.2});
  task.seed = options.seed;
  std::get<trial::BatchSteps>(task.target).max_steps = options.max_steps;
  return {std::move(task), &dataset};
}

void add_options(CLI::App& app, Options& options) {
  app.option_defaults()->always_capture_default();
  app.add_option("--family", options.families, "Only these families")
      ->check(CLI::IsMember(zoo::sampled_families()))
      ->always_capture_default(false);
  app.add_option("--draws", options.draws, "Different architectures a family")
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds,
                 "To measure an architecture for, at least");
  app.add_option("--max-steps", options.max_steps, "Cap of a training")
      ->check(CLI::PositiveNumber);
  app.add_option("--seed", options.seed, "Of the draws, weights and batches");
  app.add_option("--data-dir", options.data_dir, "Where to find FashionMNIST")
      ->always_capture_default(false);
  app.add_option("--json", options.json, "Also write the ratios to this file")
      ->always_capture_default(false);
}

void measure_all(const Benchmark& benchmark, const Options& options) {
  trainer::open_device("cpu", 1);
  const datasets::Dataset dataset =
      datasets::load("fashion_mnist", datasets::search_roots(options.data_dir));
  Report report(benchmark.plain, benchmark.engine);
  for (const std::string& family : options.families) {
    for (const auto& architecture : draw(family, dataset.info, options)) {
      // The peak is taken all along the run, as the rest is.
      report.peak(sgemm_gflops());
      const Case subject = make_case(architecture, dataset, options);
      report.add(family, zoo::short_name(architecture),
                 benchmark.measure(subject, options));
    }
    report.end_family(family);
  }
  report.peak(sgemm_gflops());
  report.end();
  if (!options.json.empty()) report.write_json(options.json);
}

}  // namespace

trainer::TrialBatch Case::batch() const {
  return trainer::draw_batch(task, *dataset, torch::kCPU);
}

std::shared_ptr<models::Model> Case::network() const {
  torch::manual_seed(task.seed);
  return models::build(task.architecture, dataset->info.shape,
                       dataset->info.classes);
}

std::shared_ptr<plain::PlainModel> Case::plain(
    const models::Model& network) const {
  auto model = plain::make_plain(task.architecture, dataset->info.shape,
                                 dataset->info.classes);
  plain::copy_weights(network, *model);
  return model;
}

double Case::forward_flops() const {
  return static_cast<double>(task.batch_size) *
         zoo::forward_flops(task.architecture, dataset->info.shape,
                            dataset->info.classes);
}

int compare(const Benchmark& benchmark, int argc, char** argv) {
  Options options;
  options.draws = benchmark.draws;
  options.seconds = benchmark.seconds;
  CLI::App app{benchmark.description};
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  if (options.families.empty()) options.families = zoo::sampled_families();
  measure_all(benchmark, options);
  return kExitDone;
}

}  // namespace cape::bench
