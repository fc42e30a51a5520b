/// What the benchmarks of the engine have in common: the networks that they
/// compare on, their options, the table and the JSON file.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "models/build.h"
#include "plain/model.h"
#include "trainer/trajectory.h"
#include "trial/task.h"
#include "zoo/architecture.h"

namespace cape::bench {

struct Options {
  std::vector<std::string> families;
  int draws = 0;       ///< architectures a family
  double seconds = 0;  ///< of measuring an architecture, at least
  std::int64_t max_steps = 5000;
  std::uint64_t seed = 1;
  std::string data_dir;
  std::string json;  ///< file to write; empty: none
};

/// An architecture on FashionMNIST: B = 64, learning rate 1e-3.
struct Case {
  trial::TrialTask task;
  const datasets::Dataset* dataset;

  trainer::TrialBatch batch() const;
  /// From the task's seed.
  std::shared_ptr<models::Model> network() const;
  /// With the weights of `network`.
  std::shared_ptr<plain::PlainModel> plain(const models::Model& network) const;
  /// Of a forward pass of the batch.
  double forward_flops() const;
};

struct Measured {
  double plain_seconds = 0;
  double engine_seconds = 0;
  double flops = 0;  ///< that the engine's seconds are worth
};

/// A benchmark: what its --help and its table say, and what it measures.
struct Benchmark {
  std::string description;
  std::string plain;   ///< the table's name of what is published
  std::string engine;  ///< and of what is ours
  int draws = 0;       ///< default of Options::draws
  double seconds = 0;  ///< and of Options::seconds
  std::function<Measured(const Case&, const Options&)> measure;
};

/// Parses the command line, measures on one thread, reports; the exit code.
/// Throws UserError where FashionMNIST is not found.
int compare(const Benchmark& benchmark, int argc, char** argv);

}  // namespace cape::bench
