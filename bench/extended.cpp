// What the extended features add to a probe, against two training steps.
//
//   bench_extended --family cnn --draws 2
#include "comparison.h"
#include "core/error.h"
#include "measure.h"
#include "trainer/probe.h"
#include "trainer/training.h"

namespace cape::bench {
namespace {

Measured measure_extended(const Case& subject, const Options& options) {
  const trainer::TrialBatch batch = subject.batch();
  const auto network = subject.network();
  const trial::TrialTask& task = subject.task;
  // A training of its own, so that the probes see one network throughout.
  const auto trained = subject.network();
  trainer::Training training(*trained, batch, task.optimizer,
                             task.learning_rate);
  const std::vector<double> seconds =
      interleave({[&] {
                    (void)training.loss().item<double>();
                    training.update();
                  },
                  [&] { trainer::probe(*network, batch.inputs, batch.labels); },
                  [&] {
                    trainer::probe(*network, batch.inputs, batch.labels,
                                   task.learning_rate);
                  }},
                 options.seconds);
  // The weights' gradient, and a forward pass for each point of the line.
  const double passes =
      1 + static_cast<double>(trial::ExtendedProbe::kSignStepSizes.size());
  return {2 * seconds[0], seconds[2] - seconds[1],
          passes * subject.forward_flops()};
}

int run(int argc, char** argv) {
  return compare(
      {.description =
           "Measures what the extended features add to a probe, against two\n"
           "training steps, on FashionMNIST with a batch of 64 and one thread.",
       .plain = "two steps",
       .engine = "added",
       .draws = 3,
       .seconds = 5,
       .measure = measure_extended},
      argc, argv);
}

}  // namespace
}  // namespace cape::bench

int main(int argc, char** argv) {
  return cape::guarded_main("bench_extended", cape::bench::run, argc, argv);
}
