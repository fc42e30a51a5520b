/// Small grids over data sets that need not be there.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "grid/grid.h"

namespace cape::grid {

inline datasets::DatasetInfo sample_dataset(const std::string& name) {
  return {.name = name,
          .shape = {1, 28, 28},
          .classes = 10,
          .samples = 60000,
          .train_size = 60000,
          .fingerprint = "fingerprint of " + name,
          .directory = "/data/" + name};
}

inline ModelSpec sampled_mlps() {
  return {.family = "mlp", .sample_published = true, .architectures = {}};
}

inline ModelSpec listed_mlps(std::vector<zoo::Architecture> architectures) {
  return {.family = "mlp",
          .sample_published = false,
          .architectures = std::move(architectures)};
}

/// One group of 3 trials with 2 epsilons: mlp_2x256 on MNIST.
inline Config single_group() {
  Config config;
  config.name = "sample";
  config.grid = {.models = {listed_mlps({zoo::Mlp{}})},
                 .datasets = {{.name = "mnist"}},
                 .learning_rate = {1e-3},
                 .batch_size = {32},
                 .epsilon = {0.1, 0.2},
                 .trials = 3};
  return config;
}

/// 72 groups of 5 trials with 3 epsilons, in two families.
inline Config many_groups() {
  Config config = single_group();
  config.grid.models = {
      sampled_mlps(),
      listed_mlps({zoo::Mlp{}, zoo::Mlp{.layers = 4}}),
      {.family = "transformer", .architectures = {zoo::Vit{}}}};
  config.grid.datasets = {{"mnist"}, {"fashion_mnist"}};
  config.grid.learning_rate = {5e-4, 1e-3, 2e-3};
  config.grid.batch_size = {32, 64, 128};
  config.grid.epsilon = {0.1, 0.15, 0.2};
  config.grid.trials = 5;
  return config;
}

/// The grid of `config` over the sample of each data set that it names.
inline Grid make_grid(const Config& config) {
  std::vector<datasets::DatasetInfo> datasets;
  for (const DatasetSpec& spec : config.grid.datasets) {
    datasets.push_back(sample_dataset(spec.name));
  }
  return {config, datasets};
}

}  // namespace cape::grid
