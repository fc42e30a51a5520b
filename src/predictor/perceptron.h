/// A multi-layer perceptron for regression, trained with Adam: what
/// scikit-learn calls MLPRegressor.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "predictor/linear.h"
#include "predictor/matrix.h"

namespace cape {

/// The defaults are the paper's; those it leaves open are scikit-learn's.
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
  /// Columns are standardised first; one target a row. The weights of the epoch
  /// that was best on the rows held out stay.
  Perceptron(const Matrix& x, std::span<const float> target,
             const PerceptronSettings& settings);

  /// One value a row of `x`.
  std::vector<double> predict(const Matrix& x) const;

 private:
  struct Layer {
    Eigen::MatrixXf weights;  // inputs x outputs
    Eigen::RowVectorXf biases;
  };
  class Adam;

  void initialise(std::size_t inputs, const PerceptronSettings& settings);
  /// The values after each layer, the input first.
  std::vector<Eigen::MatrixXf> forward(const Eigen::MatrixXf& x) const;
  std::vector<Layer> gradients(const Eigen::MatrixXf& x,
                               const Eigen::VectorXf& target, double l2) const;

  Standardiser standardise_;
  std::vector<Layer> layers_;
};

}  // namespace cape
