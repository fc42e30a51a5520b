/// Support vector regression by libsvm, which appears in svr.cpp alone.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "predictor/data/matrix.h"
#include "predictor/models/linear.h"

namespace cape::predictor {

/// The defaults are the paper's: RBF kernel, gamma "scale".
struct SvrSettings {
  double c = 10;
  double epsilon = 0.1;  ///< half the width of the tube, in units of the target
};

class SupportVectorRegression {
 public:
  /// Columns are standardised first; `y` has one target for each row. The time
  /// grows with the square of the number of rows.
  SupportVectorRegression(const Matrix& x, std::span<const float> target,
                          const SvrSettings& settings);
  ~SupportVectorRegression();
  SupportVectorRegression(SupportVectorRegression&&) noexcept;

  /// One prediction for each row of `x`.
  std::vector<double> predict(const Matrix& x) const;

 private:
  struct Fitted;
  Standardiser standardise_;
  std::unique_ptr<Fitted> fitted_;
};

}  // namespace cape::predictor
