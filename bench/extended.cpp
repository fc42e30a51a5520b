// What the extended features add to a probe, against a training step.
//
//   bench_extended --family cnn --draws 2
#include "benchmarks.h"
#include "comparison.h"
#include "measure.h"
#include "trainer/probe.h"
#include "trainer/training.h"
#include "trainer/training_mode_probe.h"

namespace cape::bench {
namespace {

Measured measure_extended(const Case& subject, const Options& options) {
  const trainer::TrialBatch batch = subject.batch();
  const auto network = subject.network();
  const trial::TrialTask& task = subject.task;
  // A training of its own, so that the probes see one network throughout.
  const auto trained = subject.network();
  trainer::Training training(*trained, task.optimizer, task.learning_rate);
  const std::vector<double> seconds =
      interleave({[&] {
                    (void)training.loss(batch).item<double>();
                    training.update();
                  },
                  [&] { trainer::probe(*network, batch.inputs, batch.labels); },
                  [&] {
                    trainer::probe(*network, batch.inputs, batch.labels,
                                   task.learning_rate);
                  }},
                 options.seconds);
  // The weights' gradient and a forward pass for each step; with BatchNorm also
  // a forward and a backward pass in training mode.
  const double passes =
      1.0 + static_cast<double>(trial::TrainingModeProbe::kStepSizes.size()) +
      (trainer::has_batch_norm(*network) ? 3 : 0);
  return {seconds[0], seconds[2] - seconds[1],
          passes * subject.forward_flops()};
}

}  // namespace

int run_extended(int argc, char** argv) {
  return compare(
      {.description =
           "Measures what the extended features add to a probe, against a\n"
           "training step, on FashionMNIST with a batch of 64 and one thread.",
       .plain = "a step",
       .engine = "added",
       .draws = 3,
       .seconds = 5,
       .measure = measure_extended},
      argc, argv);
}

}  // namespace cape::bench
