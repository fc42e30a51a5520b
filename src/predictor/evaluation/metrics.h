/// How far predictions are from the measured values, in steps.
#pragma once

#include <cstdint>
#include <span>

namespace cape::predictor {

struct Metrics {
  double mae = 0;           ///< mean |T_pred - T|
  double rmse = 0;          ///< root of the mean (T_pred - T)^2
  double median_ae = 0;     ///< median |T_pred - T|
  double r2 = 0;            ///< 1 - residual / total sum of squares; NaN where
                            ///< all T are equal
  double avg_accuracy = 0;  ///< mean clip(1 - |T_pred - T| / max(T, 1), 0, 1)
  std::int64_t rows = 0;
};

/// The contribution of a row to avg_accuracy; `error` is |T_pred - T|.
double accuracy(double measured, double error);

/// Metrics of predictions and measured T*, in pairs; at least one pair.
Metrics compute_metrics(std::span<const double> measured,
                        std::span<const double> predicted);

}  // namespace cape::predictor
