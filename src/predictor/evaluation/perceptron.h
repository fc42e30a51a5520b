/// A multi-layer perceptron for regression, trained with Adam, like
/// scikit-learn's MLPRegressor.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "predictor/data/matrix.h"
#include "predictor/models/linear.h"

namespace cape::predictor {

/// The defaults are those of the paper; what it leaves open is as in
/// scikit-learn.
struct PerceptronSettings {
  std::vector<int> hidden = {256, 128};  ///< ReLU units a layer
  double learning_rate = 1e-3;
  double l2 = 1e-4;
  int epochs = 500;  ///< at most
  int batch = 200;
  double held_out = 0.1;         ///< of the rows, to stop early by
  int patience = 10;             ///< epochs without progress
  double least_progress = 1e-4;  ///< in the squared error's R2
  std::uint64_t seed = 42;
};

class Perceptron {
 public:
  /// Columns are standardised first; `y` has one target for each row. The
  /// weights of the epoch that was best on the held-out rows are kept.
  Perceptron(const Matrix& x, std::span<const float> target,
             const PerceptronSettings& settings);

  /// One prediction for each row of `x`.
  std::vector<double> predict(const Matrix& x) const;

 private:
  struct Layer {
    Eigen::MatrixXf weights;  // inputs x outputs
    Eigen::RowVectorXf biases;
  };
  class Adam;

  void initialise(std::size_t inputs, const PerceptronSettings& settings);
  /// The values after each layer; the first is the input.
  std::vector<Eigen::MatrixXf> forward(const Eigen::MatrixXf& x) const;
  std::vector<Layer> gradients(const Eigen::MatrixXf& x,
                               const Eigen::VectorXf& target, double l2) const;

  Standardiser standardise_;
  std::vector<Layer> layers_;
};

}  // namespace cape::predictor
