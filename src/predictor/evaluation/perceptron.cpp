#include "predictor/evaluation/perceptron.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/random.h"

namespace cape::predictor {
namespace {

using Eigen::Index;
using Eigen::MatrixXf;
using Eigen::VectorXf;

MatrixXf to_eigen(const Matrix& x) {
  return Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic,
                                        Eigen::RowMajor>>(
      x.values.data(), static_cast<Index>(x.rows),
      static_cast<Index>(x.columns));
}

float r_squared(const VectorXf& target, const VectorXf& predicted) {
  const float total = (target.array() - target.mean()).square().sum();
  return 1 - (target - predicted).squaredNorm() / total;
}

}  // namespace

/// Adam with its usual constants.
class Perceptron::Adam {
 public:
  Adam(std::vector<Layer>& layers, double learning_rate)
      : layers_(layers), first_(layers), learning_rate_(learning_rate) {
    for (Layer& layer : first_) {
      layer.weights.setZero();
      layer.biases.setZero();
    }
    second_ = first_;
  }

  void step(const std::vector<Layer>& gradients) {
    ++steps_;
    const auto rate = static_cast<float>(
        learning_rate_ * std::sqrt(1 - std::pow(kBeta2, steps_)) /
        (1 - std::pow(kBeta1, steps_)));
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      update(layers_[i].weights, first_[i].weights, second_[i].weights,
             gradients[i].weights, rate);
      update(layers_[i].biases, first_[i].biases, second_[i].biases,
             gradients[i].biases, rate);
    }
  }

 private:
  static constexpr float kBeta1 = 0.9F;
  static constexpr float kBeta2 = 0.999F;

  template <class Values>
  static void update(Values& values, Values& first, Values& second,
                     const Values& gradient, float rate) {
    first = kBeta1 * first + (1 - kBeta1) * gradient;
    second.array() =
        kBeta2 * second.array() + (1 - kBeta2) * gradient.array().square();
    values.array() -= rate * first.array() / (second.array().sqrt() + 1e-8F);
  }

  std::vector<Layer>& layers_;
  std::vector<Layer> first_, second_;
  double learning_rate_;
  int steps_ = 0;
};

/// Glorot's uniform distribution, as in scikit-learn.
void Perceptron::initialise(std::size_t inputs,
                            const PerceptronSettings& settings) {
  Random random(settings.seed);
  std::vector<int> widths = {static_cast<int>(inputs)};
  widths.insert(widths.end(), settings.hidden.begin(), settings.hidden.end());
  widths.push_back(1);
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    const double bound = std::sqrt(6.0 / (widths[i] + widths[i + 1]));
    const auto draw = [&] {
      return static_cast<float>(bound * (2 * random.uniform() - 1));
    };
    layers_.push_back({MatrixXf::NullaryExpr(widths[i], widths[i + 1], draw),
                       Eigen::RowVectorXf::NullaryExpr(widths[i + 1], draw)});
  }
}

std::vector<MatrixXf> Perceptron::forward(const MatrixXf& x) const {
  std::vector<MatrixXf> values = {x};
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    MatrixXf next = values.back() * layers_[i].weights;
    next.rowwise() += layers_[i].biases;
    if (i + 1 < layers_.size()) next = next.cwiseMax(0);
    values.push_back(std::move(next));
  }
  return values;
}

/// The gradients of half the mean squared error plus half of l2 / rows times
/// the squared weights.
std::vector<Perceptron::Layer> Perceptron::gradients(const MatrixXf& x,
                                                     const VectorXf& target,
                                                     double l2) const {
  const std::vector<MatrixXf> values = forward(x);
  const auto rows = static_cast<float>(x.rows());
  MatrixXf delta = (values.back().col(0) - target) / rows;
  std::vector<Layer> gradients(layers_.size());
  for (std::size_t i = layers_.size(); i-- > 0;) {
    gradients[i].weights = values[i].transpose() * delta +
                           static_cast<float>(l2) / rows * layers_[i].weights;
    gradients[i].biases = delta.colwise().sum();
    if (i == 0) break;
    delta = (delta * layers_[i].weights.transpose()).eval();
    delta.array() *= (values[i].array() > 0).cast<float>();
  }
  return gradients;
}

Perceptron::Perceptron(const Matrix& x, std::span<const float> target,
                       const PerceptronSettings& settings)
    : standardise_(x) {
  initialise(x.columns, settings);
  const MatrixXf inputs = to_eigen(standardise_(x));
  const Eigen::Map<const VectorXf> targets(target.data(), inputs.rows());
  Random random(settings.seed);
  const Index rows = inputs.rows();
  std::vector<std::int64_t> order = random.sample(rows, rows);
  const auto held_out = static_cast<std::ptrdiff_t>(settings.held_out *
                                                    static_cast<double>(rows));
  const std::vector<std::int64_t> watched(order.begin(),
                                          order.begin() + held_out);
  order.erase(order.begin(), order.begin() + held_out);
  const MatrixXf watched_inputs = inputs(watched, Eigen::all);
  const VectorXf watched_targets = targets(watched);

  Adam adam(layers_, settings.learning_rate);
  std::vector<Layer> best_layers = layers_;
  float best = -std::numeric_limits<float>::infinity();
  int idle = 0;
  for (int epoch = 0; epoch < settings.epochs && idle < settings.patience;
       ++epoch) {
    const auto count = static_cast<std::int64_t>(order.size());
    const std::vector<std::int64_t> shuffle = random.sample(count, count);
    for (std::int64_t first = 0; first < count; first += settings.batch) {
      std::vector<std::int64_t> batch;
      for (auto i = first; i < std::min(first + settings.batch, count); ++i) {
        batch.push_back(order[static_cast<std::size_t>(
            shuffle[static_cast<std::size_t>(i)])]);
      }
      adam.step(
          gradients(inputs(batch, Eigen::all), targets(batch), settings.l2));
    }
    const float score =
        r_squared(watched_targets, forward(watched_inputs).back().col(0));
    idle = score > best + static_cast<float>(settings.least_progress)
               ? 0
               : idle + 1;
    if (score > best) {
      best = score;
      best_layers = layers_;
    }
  }
  layers_ = std::move(best_layers);
}

std::vector<double> Perceptron::predict(const Matrix& x) const {
  const MatrixXf predicted = forward(to_eigen(standardise_(x))).back();
  return {predicted.data(), predicted.data() + predicted.rows()};
}

}  // namespace cape::predictor
