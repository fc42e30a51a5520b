/// A multi-layer perceptron for regression, trained with Adam.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "core/enum_names.h"
#include "predictor/data/matrix.h"
#include "predictor/models/linear.h"

namespace cape::predictor {

enum class PerceptronActivation { relu, silu };

constexpr auto enum_names(PerceptronActivation) {
  using enum PerceptronActivation;
  return EnumNames{"activation of a perceptron",
                   std::to_array<EnumName<PerceptronActivation>>(
                       {{relu, "relu"}, {silu, "silu"}})};
}

/// Each column goes through a small perceptron of its own first, whose outputs
/// the layers get beside the column (Gorishniy et al., 2022, call this an
/// embedding of numerical features).
struct EmbeddingSettings {
  int hidden = 0;   ///< SiLU units a column
  int outputs = 0;  ///< SiLU units behind them; 0: there is no embedding
};

/// The defaults are those of scikit-learn's MLPRegressor with the paper's
/// layers, except that targets are centred.
struct PerceptronSettings {
  EmbeddingSettings embedding = {};
  std::vector<int> hidden = {256, 128};  ///< units a layer
  PerceptronActivation activation = PerceptronActivation::relu;
  double learning_rate = 1e-3;
  bool cosine = false;  ///< the learning rate falls to 0 on half a cosine
  double l2 = 1e-4;
  double dropout = 0;  ///< the share of hidden units that an update leaves out
  double huber_delta = 0;  ///< > 0: errors beyond it count by their size
  /// > 0: in a column this share of the values at either end counts as the
  /// value next to it, in rows to fit and in rows to predict. Columns of which
  /// one value would be left are not touched.
  double clipped = 0;
  int epochs = 500;  ///< at most
  int batch = 200;   ///< rows
  /// > 0: few rows get smaller batches, down to 32 rows, so that an epoch has
  /// so many; the learning rate falls with the root of their size.
  int batches = 0;
  int updates = 0;  ///< > 0: at least so many; more epochs where rows are few
  double held_out = 0.1;         ///< of the rows, to stop early by; 0: never
  int patience = 10;             ///< epochs without progress
  double least_progress = 1e-4;  ///< in the squared error's R2
  std::uint64_t seed = 42;
};

class Perceptron {
 public:
  struct Layer {
    int inputs = 0;
    int outputs = 0;
    std::vector<float> weights;  ///< inputs x outputs, by columns
    std::vector<float> biases;   ///< outputs
  };

  /// All that predictions depend on.
  struct Parameters {
    Standardiser standardiser;
    /// The range of each column, to whose ends other values are moved; NaN
    /// where there is none.
    std::vector<float> least, greatest;
    PerceptronActivation activation = PerceptronActivation::relu;
    float mean = 0;  ///< of the target, which is added to the last layer
    /// Nothing, or two layers: from 1 input to all columns' hidden units, and
    /// from a column's hidden units to all columns' outputs. The outputs of
    /// column j, from 0, are silu(b + W h), h = silu(c + v x_j), with the j-th
    /// of the equal parts of v, c, W and b.
    std::vector<Layer> embedding;
    std::vector<Layer> layers;
  };

  /// Columns are standardised first; missing values become their mean, and a
  /// column without values says nothing. There is at least one row, and
  /// `target` has a finite value for each. Where rows are held out, the weights
  /// of the epoch that was best on them are kept. One thread; the same for the
  /// same seed.
  Perceptron(const Matrix& x, std::span<const float> target,
             const PerceptronSettings& settings);

  explicit Perceptron(Parameters parameters)
      : parameters_(std::move(parameters)) {}

  const Parameters& parameters() const { return parameters_; }

  /// One prediction for each row of `x`, which depends on no other row, to the
  /// bit.
  std::vector<double> predict(const Matrix& x) const;

  /// What each column adds to the prediction: integrated gradients on the way
  /// from the mean of all rows to the row (Sundararajan et al., 2017). A row
  /// for each row, a column for each column, then the constant; the sum of a
  /// row is predict(). The last digits of a share may depend on the other rows.
  Matrix contributions(const Matrix& x) const;

 private:
  Parameters parameters_;
};

}  // namespace cape::predictor
