/// Made-up rows for the tests of the predictor.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "core/random.h"
#include "predictor/data/meta_table.h"

namespace cape::predictor {

/// A usable row; what a test cares about is set by the test.
inline shard::Row sample_row(const std::string& trajectory = "t0") {
  shard::Row row;
  row.key.assign(trajectory);
  row.trajectory.assign(trajectory);
  row.family.assign("mlp");
  row.architecture.assign("mlp");
  row.dataset.assign("mnist");
  row.target.assign("batch_steps");
  row.learning_rate = 1e-3;
  row.batch_size = 32;
  row.epsilon = 0.1;
  row.log_p = 12;
  row.log_g2 = 1;
  row.log_tau = 2;
  row.log_n = 11;
  row.log_lr = std::log(1e-3);
  row.log_b = std::log(32.0);
  row.t_star = 10;
  row.converged = true;
  return row;
}

/// `trajectories` trajectories with a row for each of two epsilons, over two
/// families and two data sets; T* is a noisy function of the features.
inline MetaTable sample_table(int trajectories) {
  MetaTable table;
  Random random(7);
  for (int i = 0; i < trajectories; ++i) {
    shard::Row row = sample_row(fmt::format("t{}", i));
    row.family.assign(i % 2 == 0 ? "mlp" : "cnn");
    row.dataset.assign(i % 4 < 2 ? "mnist" : "cifar10");
    row.log_p = 10 + 4 * random.uniform();
    row.log_g2 = 3 * random.uniform();
    row.log_tau = row.log_g2 + random.uniform();
    for (const double epsilon : {0.1, 0.2}) {
      row.epsilon = epsilon;
      row.t_star = static_cast<std::int32_t>(
          std::exp(row.log_p - 9 - row.log_g2 / 3 + random.uniform()) /
          epsilon);
      table.add(row);
    }
  }
  return table;
}

}  // namespace cape::predictor
