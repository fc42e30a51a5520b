/// Linear regression and ridge regression.
#pragma once

#include <span>
#include <vector>

#include "predictor/data/matrix.h"

namespace cape::predictor {

/// intercept + x . weights; a missing value is replaced by its column's mean.
struct LinearModel {
  std::vector<double> weights;  ///< a column each
  std::vector<double> means;    ///< of the columns it was fitted on
  double intercept = 0;

  /// The prediction for one row, which has a value for each column.
  double predict(std::span<const float> row) const;
  /// One prediction for each row of `x`.
  std::vector<double> predict(const Matrix& x) const;
};

/// Least squares on standardised columns with a penalty on each squared weight:
/// minimises |y - z w|^2 + sum_j penalties_j w_j^2, where z has mean 0 and
/// deviation 1. A column without deviation, or with an infinite penalty, gets
/// the weight 0.
LinearModel fit_linear(const Matrix& x, std::span<const float> target,
                       std::span<const double> penalties);

/// Scales columns to mean 0 and deviation 1; missing values become 0.
struct Standardiser {
  std::vector<double> means;
  std::vector<double> deviations;  ///< 1 where there is none

  Standardiser() = default;
  explicit Standardiser(const Matrix& x);
  Matrix operator()(const Matrix& x) const;
};

}  // namespace cape::predictor
