// A training step: the engine's against LibTorch's modules and AdamW.
//
//   bench_step --family rnn --draws 2 --json step.json
#include "benchmarks.h"
#include "comparison.h"
#include "measure.h"
#include "plain/procedure.h"
#include "trainer/training.h"

namespace cape::bench {
namespace {

Measured measure_step(const Case& subject, const Options& options) {
  const trainer::TrialBatch batch = subject.batch();
  const auto network = subject.network();
  const auto plain = subject.plain(*network);
  const trial::TrialTask& task = subject.task;
  plain::PlainTraining published(*plain, task.optimizer, task.learning_rate);
  trainer::Training training(*network, task.optimizer, task.learning_rate);
  const auto [plain_seconds, engine_seconds] = compare_sides(
      [&] {
        published.loss(batch);
        published.update();
      },
      [&] {
        (void)training.loss(batch).item<double>();
        training.update();
      },
      options.seconds);
  // Forward, and backward to the weights and to the inputs.
  return {plain_seconds, engine_seconds, 3 * subject.forward_flops()};
}

}  // namespace

int run_step(int argc, char** argv) {
  return compare(
      {.description =
           "Measures a training step: LibTorch's modules and AdamW against "
           "the\n"
           "engine, on FashionMNIST with a batch of 64 and one thread.\n"
           "GFLOP/s are the engine's: a step counts as three forward passes.",
       .plain = "plain",
       .engine = "engine",
       .draws = 6,
       .seconds = 6,
       .measure = measure_step},
      argc, argv);
}

}  // namespace cape::bench
