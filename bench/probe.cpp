// The features of a network: the engine's two backward passes for the whole
// batch against the published loop over single samples.
//
//   bench_probe --family rnn --draws 2 --json probe.json
#include "trainer/probe.h"

#include "benchmarks.h"
#include "comparison.h"
#include "measure.h"
#include "plain/procedure.h"

namespace cape::bench {
namespace {

Measured measure_probe(const Case& subject, const Options& options) {
  const trainer::TrialBatch batch = subject.batch();
  const auto network = subject.network();
  const auto plain = subject.plain(*network);
  const auto [plain_seconds, engine_seconds] = compare_sides(
      [&] { plain::probe_by_plain_loop(*plain, batch.inputs, batch.labels); },
      [&] { trainer::probe(*network, batch.inputs, batch.labels); },
      options.seconds);
  // A forward pass and two backward passes to the layers' outputs.
  return {plain_seconds, engine_seconds, 3 * subject.forward_flops()};
}

}  // namespace

int run_probe(int argc, char** argv) {
  return compare(
      {.description =
           "Measures a probe: the published loop over single samples against\n"
           "the engine, on FashionMNIST with a batch of 64 and one thread.\n"
           "GFLOP/s are the engine's: a probe counts as three forward passes.",
       .plain = "loop",
       .engine = "engine",
       .draws = 6,
       .seconds = 8,
       .measure = measure_probe},
      argc, argv);
}

}  // namespace cape::bench
