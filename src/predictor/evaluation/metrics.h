/// How far predictions are from the measured values, in steps.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

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

/// Of at least one value; the mean of the middle two of an even number.
double median(std::vector<double> values);

/// How well a probability tells what happened from what did not: the chance
/// that one of the former has the greater probability (the area under the ROC
/// curve), ties counting half. NaN where all or nothing happened.
double area_under_curve(std::span<const double> probabilities,
                        const std::vector<bool>& happened);

/// Pearson's correlation r of values in pairs; NaN where all of one are equal.
double correlation(std::span<const double> a, std::span<const double> b);

/// The contribution of a row to avg_accuracy; `error` is |T_pred - T|.
double accuracy(double measured, double error);

/// Metrics of predictions and measured T*, in pairs; at least one pair.
Metrics compute_metrics(std::span<const double> measured,
                        std::span<const double> predicted);

}  // namespace cape::predictor
