/// How much metrics depend on the choice of trajectories.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace cape::predictor {

struct MetricInterval {
  double low = 0;
  double high = 0;
};

/// 95 % intervals; NaN where R2 is NaN.
struct MetricIntervals {
  MetricInterval mae, rmse, r2, avg_accuracy;
};

/// Predicted and measured values, in pairs.
struct Scored {
  std::vector<double> measured;
  std::vector<double> predicted;
  std::vector<std::uint32_t> trajectory;
};

/// The percentiles 2.5 and 97.5 of each metric over samples of the trajectories
/// with replacement: 200 samples, fewer for very many rows.
MetricIntervals bootstrap(const Scored& scored, std::uint64_t seed);

}  // namespace cape::predictor
