// What three rows cost, one for each of epsilon 0.1, 0.15 and 0.2: by the
// published procedure (each probed by the loop and trained on its own) and as a
// trajectory of the farm.
//
//   bench_row --family mlp --draws 2 --json row.json
#include "benchmarks.h"
#include "comparison.h"
#include "measure.h"
#include "plain/procedure.h"

namespace cape::bench {
namespace {

Measured measure_row(const Case& subject, const Options& options) {
  const auto rows = static_cast<double>(subject.task.criteria.size());
  std::size_t losses = 0;
  const auto [plain_seconds, engine_seconds] = compare_sides(
      [&] { plain::published_procedure(subject.task, *subject.dataset); },
      [&] {
        losses =
            trainer::run_trajectory(subject.task, *subject.dataset, torch::kCPU,
                                    trainer::losses_per_sync(torch::kCPU))
                .losses.size();
      },
      options.seconds);
  // The probe and every step.
  const double passes = 3 * (1 + static_cast<double>(losses));
  return {plain_seconds / rows, engine_seconds / rows,
          passes * subject.forward_flops() / rows};
}

}  // namespace

int run_row(int argc, char** argv) {
  return compare(
      {.description =
           "Measures a row: the published procedure (a loop probe and a\n"
           "training for every epsilon, of LibTorch's modules) against a\n"
           "trajectory of the farm, on FashionMNIST with a batch of 64, "
           "epsilon\n"
           "0.1, 0.15 and 0.2, and one thread. GFLOP/s are the engine's: the\n"
           "probe and every step count as three forward passes.",
       .plain = "published",
       .engine = "farm",
       .draws = 3,
       .seconds = 5,
       .measure = measure_row},
      argc, argv);
}

}  // namespace cape::bench
