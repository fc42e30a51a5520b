#include "predictor/models/perceptron.h"

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>

#include "core/random.h"
#include "kernels/kernels.h"

namespace cape::predictor {
namespace {

using Eigen::Index;
using Eigen::MatrixXf;
using Eigen::RowVectorXf;
using Eigen::VectorXf;
/// The numbers of a row are next to each other, so that a batch is copied fast.
using InputRows =
    Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Settings = PerceptronSettings;
using Activation = PerceptronActivation;

struct Affine {
  MatrixXf weights;  // inputs x outputs
  RowVectorXf biases;
};

InputRows to_eigen(const Matrix& x) {
  return Eigen::Map<const InputRows>(x.values.data(),
                                     static_cast<Index>(x.rows),
                                     static_cast<Index>(x.columns));
}

/// All that is trained.
struct Network {
  std::vector<Affine> embedding;  // see Perceptron::Parameters
  std::vector<Affine> layers;
};

std::vector<Affine> to_eigen(const std::vector<Perceptron::Layer>& layers) {
  std::vector<Affine> made;
  made.reserve(layers.size());
  for (const Perceptron::Layer& layer : layers) {
    made.push_back(
        {Eigen::Map<const MatrixXf>(layer.weights.data(), layer.inputs,
                                    layer.outputs),
         Eigen::Map<const RowVectorXf>(layer.biases.data(), layer.outputs)});
  }
  return made;
}

Network to_eigen(const Perceptron::Parameters& parameters) {
  return {to_eigen(parameters.embedding), to_eigen(parameters.layers)};
}

std::vector<Perceptron::Layer> from_eigen(const std::vector<Affine>& layers) {
  std::vector<Perceptron::Layer> made;
  made.reserve(layers.size());
  for (const Affine& layer : layers) {
    const MatrixXf& weights = layer.weights;
    made.push_back(
        {.inputs = static_cast<int>(weights.rows()),
         .outputs = static_cast<int>(weights.cols()),
         .weights = {weights.data(), weights.data() + weights.size()},
         .biases = {layer.biases.data(),
                    layer.biases.data() + layer.biases.size()}});
  }
  return made;
}

template <class Derived>
kernels::StridedMatrix strided(const Eigen::MatrixBase<Derived>& x) {
  return {x.derived().data(), x.rows(), x.cols(), x.rowStride(), x.colStride()};
}

template <class A, class B>
MatrixXf product(const A& a, const B& b) {
  MatrixXf c(a.rows(), b.cols());
  kernels::product(strided(a), strided(b), c.data());
  return c;
}

float r_squared(const VectorXf& target, const VectorXf& predicted) {
  const float total = (target.array() - target.mean()).square().sum();
  return 1 - (target - predicted).squaredNorm() / total;
}

/// The activation's values and derivatives at x.
struct Activated {
  MatrixXf values;
  MatrixXf slopes;  ///< the derivatives
};

Activated activate(Activation activation, const MatrixXf& x) {
  if (activation == Activation::relu) {
    return {x.cwiseMax(0), (x.array() > 0).cast<float>()};
  }
  Activated made = {MatrixXf(x.rows(), x.cols()), MatrixXf(x.rows(), x.cols())};
  kernels::silu(x.data(), x.size(), made.values.data(), made.slopes.data());
  return made;
}

/// 1 / (1 - rate) for the units that stay, 0 for the others.
MatrixXf dropout_mask(Index rows, Index columns, double rate, Random& random) {
  MatrixXf mask(rows, columns);
  const auto size = static_cast<std::size_t>(mask.size());
  // Each number that is drawn decides on four units.
  std::vector<std::uint16_t> drawn(size + 3);  // the last four may be too many
  for (std::size_t i = 0; i < size; i += 4) {
    const auto four =
        std::bit_cast<std::array<std::uint16_t, 4>>(random.bits());
    std::ranges::copy(four, drawn.data() + i);
  }
  const auto dropped = static_cast<std::uint16_t>(rate * (1U << 16));
  const auto kept = static_cast<float>(1 / (1 - rate));
  std::transform(
      drawn.begin(), drawn.begin() + mask.size(), mask.data(),
      [=](std::uint16_t bits) { return bits < dropped ? 0.F : kept; });
  return mask;
}

/// How many columns the rows have, and how many units each of them has in the
/// two layers of an embedding.
struct EmbeddingSizes {
  Index columns, hidden, outputs;

  EmbeddingSizes(const std::vector<Affine>& embedding, const MatrixXf& x)
      : columns(x.cols()),
        hidden(embedding[0].weights.cols() / columns),
        outputs(embedding[1].weights.cols() / columns) {}
};

/// What the units of an embedding make of rows.
struct Embedded {
  Activated hidden;
  Activated outputs;
};

Embedded embed(const std::vector<Affine>& embedding, const MatrixXf& x) {
  const Affine& first = embedding[0];
  const Affine& second = embedding[1];
  const auto [columns, hidden, outputs] = EmbeddingSizes(embedding, x);
  MatrixXf sums(x.rows(), columns * hidden);
  for (Index j = 0; j < columns; ++j) {
    sums.middleCols(j * hidden, hidden).noalias() =
        x.col(j) * first.weights.middleCols(j * hidden, hidden);
  }
  sums.rowwise() += first.biases;
  Embedded made;
  made.hidden = activate(Activation::silu, sums);
  sums.resize(x.rows(), columns * outputs);
  for (Index j = 0; j < columns; ++j) {
    sums.middleCols(j * outputs, outputs) =
        made.hidden.values.middleCols(j * hidden, hidden)
            .lazyProduct(second.weights.middleCols(j * outputs, outputs));
  }
  sums.rowwise() += second.biases;
  made.outputs = activate(Activation::silu, sums);
  return made;
}

/// The gradients of the sums of an embedding's units, before their activations.
struct EmbeddingDeltas {
  MatrixXf hidden;
  MatrixXf outputs;
};

/// From the gradient of the outputs.
EmbeddingDeltas backward(const std::vector<Affine>& embedding,
                         const EmbeddingSizes& sizes, const Embedded& embedded,
                         const MatrixXf& gradient) {
  const auto [columns, hidden, outputs] = sizes;
  const MatrixXf& weights = embedding[1].weights;
  EmbeddingDeltas deltas;
  deltas.outputs = gradient.cwiseProduct(embedded.outputs.slopes);
  deltas.hidden.resize(gradient.rows(), columns * hidden);
  for (Index j = 0; j < columns; ++j) {
    deltas.hidden.middleCols(j * hidden, hidden) =
        deltas.outputs.middleCols(j * outputs, outputs)
            .lazyProduct(weights.middleCols(j * outputs, outputs).transpose());
  }
  deltas.hidden.array() *= embedded.hidden.slopes.array();
  return deltas;
}

/// Those of the embedding's weights and biases, for the rows x.
std::vector<Affine> gradients_of(const std::vector<Affine>& embedding,
                                 const EmbeddingSizes& sizes, const MatrixXf& x,
                                 const Embedded& embedded,
                                 const EmbeddingDeltas& deltas) {
  const auto [columns, hidden, outputs] = sizes;
  std::vector<Affine> gradients = embedding;  // the sizes
  for (Index j = 0; j < columns; ++j) {
    gradients[1].weights.middleCols(j * outputs, outputs).noalias() =
        embedded.hidden.values.middleCols(j * hidden, hidden).transpose() *
        deltas.outputs.middleCols(j * outputs, outputs);
    gradients[0].weights.middleCols(j * hidden, hidden).noalias() =
        x.col(j).transpose() * deltas.hidden.middleCols(j * hidden, hidden);
  }
  gradients[1].biases = deltas.outputs.colwise().sum();
  gradients[0].biases = deltas.hidden.colwise().sum();
  return gradients;
}

/// What the embedding adds to the gradient of the columns.
MatrixXf gradient_of_columns(const std::vector<Affine>& embedding,
                             const EmbeddingSizes& sizes,
                             const EmbeddingDeltas& deltas) {
  const auto [columns, hidden, outputs] = sizes;
  const MatrixXf& weights = embedding[0].weights;
  MatrixXf gradient(deltas.hidden.rows(), columns);
  for (Index j = 0; j < columns; ++j) {
    gradient.col(j).noalias() =
        deltas.hidden.middleCols(j * hidden, hidden) *
        weights.middleCols(j * hidden, hidden).transpose();
  }
  return gradient;
}

/// What the layers make of rows, kept for the way back.
struct Pass {
  std::optional<Embedded> embedded;
  std::vector<MatrixXf> inputs;  ///< of each layer
  /// Of each hidden layer's activation, and of the dropout behind it.
  std::vector<MatrixXf> slopes;
  VectorXf predicted;
};

/// `random` draws the units that are dropped.
Pass forward(const Network& network, Activation activation, MatrixXf x,
             double dropout = 0, Random* random = nullptr) {
  const std::vector<Affine>& layers = network.layers;
  Pass pass;
  if (!network.embedding.empty()) {
    pass.embedded = embed(network.embedding, x);
    const MatrixXf& outputs = pass.embedded->outputs.values;
    MatrixXf both(x.rows(), x.cols() + outputs.cols());
    both << x, outputs;
    x = std::move(both);
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    pass.inputs.push_back(std::move(x));
    MatrixXf output = product(pass.inputs.back(), layers[i].weights);
    output.rowwise() += layers[i].biases;
    if (i + 1 == layers.size()) {
      pass.predicted = output.col(0);
      break;
    }
    Activated activated = activate(activation, output);
    if (random != nullptr && dropout > 0) {
      const MatrixXf mask =
          dropout_mask(output.rows(), output.cols(), dropout, *random);
      activated.values.array() *= mask.array();
      activated.slopes.array() *= mask.array();
    }
    x = std::move(activated.values);
    pass.slopes.push_back(std::move(activated.slopes));
  }
  return pass;
}

/// From `delta`, the gradient of the predictions, that of the layers' inputs
/// without the first `skipped` columns; sets `gradients`, if there are any, to
/// those of the layers.
MatrixXf backward(const std::vector<Affine>& layers, const Pass& pass,
                  MatrixXf delta, Index skipped,
                  std::vector<Affine>* gradients) {
  if (gradients != nullptr) gradients->resize(layers.size());
  for (std::size_t i = layers.size(); i-- > 0;) {
    if (gradients != nullptr) {
      Affine& gradient = (*gradients)[i];
      gradient.weights = product(pass.inputs[i].transpose(), delta);
      gradient.biases = delta.colwise().sum();
    }
    if (i == 0) break;
    delta = product(delta, layers[i].weights.transpose());
    delta.array() *= pass.slopes[i - 1].array();
  }
  const MatrixXf& first = layers.front().weights;
  return product(delta, first.bottomRows(first.rows() - skipped).transpose());
}

/// The gradient of a network with respect to all that is trained, from `delta`,
/// that of the predictions for the rows x.
Network gradients_of(const Network& network, const MatrixXf& x,
                     const Pass& pass, const MatrixXf& delta) {
  Network gradients;
  // Nobody asks for the gradient of the columns.
  const MatrixXf of_outputs =
      backward(network.layers, pass, delta, x.cols(), &gradients.layers);
  if (pass.embedded) {
    const EmbeddingSizes sizes(network.embedding, x);
    gradients.embedding = gradients_of(
        network.embedding, sizes, x, *pass.embedded,
        backward(network.embedding, sizes, *pass.embedded, of_outputs));
  }
  return gradients;
}

/// The gradient of the predictions for the rows x with respect to x.
MatrixXf gradient_of_inputs(const Network& network, const MatrixXf& x,
                            const Pass& pass) {
  MatrixXf of_all =
      backward(network.layers, pass, VectorXf::Ones(x.rows()), 0, nullptr);
  if (!pass.embedded) return of_all;
  const EmbeddingSizes sizes(network.embedding, x);
  const EmbeddingDeltas deltas =
      backward(network.embedding, sizes, *pass.embedded,
               of_all.rightCols(of_all.cols() - x.cols()));
  return of_all.leftCols(x.cols()) +
         gradient_of_columns(network.embedding, sizes, deltas);
}

/// Adam with its usual constants.
class Adam {
 public:
  explicit Adam(std::vector<Affine>& layers) : layers_(layers), first_(layers) {
    for (Affine& layer : first_) {
      layer.weights.setZero();
      layer.biases.setZero();
    }
    second_ = first_;
  }

  void step(const std::vector<Affine>& gradients, double learning_rate) {
    ++steps_;
    const auto rate = static_cast<float>(
        learning_rate * std::sqrt(1 - std::pow(kBeta2, steps_)) /
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

  std::vector<Affine>& layers_;
  std::vector<Affine> first_, second_;
  int steps_ = 0;
};

/// Nothing without an embedding. Weights and biases of its hidden units have a
/// variance of 1, the weights behind them one of 1 over their number.
std::vector<Affine> initial_embedding(Index columns, const Settings& settings,
                                      Random& random) {
  const Index hidden = settings.embedding.hidden;
  const Index outputs = settings.embedding.outputs;
  if (outputs == 0) return {};
  const auto draw = [&] {
    return static_cast<float>(std::sqrt(3.0) * (2 * random.uniform() - 1));
  };
  const auto root = std::sqrt(static_cast<float>(hidden));
  return {{MatrixXf::NullaryExpr(1, columns * hidden, draw),
           RowVectorXf::NullaryExpr(columns * hidden, draw)},
          {MatrixXf::NullaryExpr(hidden, columns * outputs, draw) / root,
           RowVectorXf::Zero(columns * outputs)}};
}

/// Glorot's uniform distribution, as in scikit-learn.
std::vector<Affine> initial_layers(Index columns, const Settings& settings,
                                   Random& random) {
  std::vector<Index> widths = {columns * (1 + settings.embedding.outputs)};
  widths.insert(widths.end(), settings.hidden.begin(), settings.hidden.end());
  widths.push_back(1);
  std::vector<Affine> layers;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    const double bound =
        std::sqrt(6.0 / static_cast<double>(widths[i] + widths[i + 1]));
    const auto draw = [&] {
      return static_cast<float>(bound * (2 * random.uniform() - 1));
    };
    layers.push_back({MatrixXf::NullaryExpr(widths[i], widths[i + 1], draw),
                      RowVectorXf::NullaryExpr(widths[i + 1], draw)});
  }
  return layers;
}

/// The gradients of half the mean loss plus half of l2 / rows times the squared
/// weights of the layers.
Network gradients_of_loss(const Network& network, const MatrixXf& x,
                          const VectorXf& target, const Settings& settings,
                          Random& random) {
  const Pass pass =
      forward(network, settings.activation, x, settings.dropout, &random);
  VectorXf delta = pass.predicted - target;
  if (settings.huber_delta > 0) {
    const auto most = static_cast<float>(settings.huber_delta);
    delta = delta.cwiseMax(-most).cwiseMin(most);
  }
  const auto rows = static_cast<float>(x.rows());
  Network gradients = gradients_of(network, x, pass, delta / rows);
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    gradients.layers[i].weights +=
        static_cast<float>(settings.l2) / rows * network.layers[i].weights;
  }
  return gradients;
}

struct Schedule {
  std::int64_t batch;  ///< rows
  double learning_rate;
  std::int64_t epochs;
  std::int64_t updates;
};

Schedule schedule_for(std::int64_t rows, const Settings& settings) {
  constexpr std::int64_t kFewestRows = 32;
  Schedule made = {.batch = settings.batch,
                   .learning_rate = settings.learning_rate,
                   .epochs = settings.epochs,
                   .updates = 0};
  if (settings.batches > 0) {
    made.batch = std::min<std::int64_t>(
        std::max(rows / settings.batches, kFewestRows), settings.batch);
    made.learning_rate *=
        std::sqrt(static_cast<double>(made.batch) / settings.batch);
  }
  const std::int64_t in_epoch = (rows + made.batch - 1) / made.batch;
  made.epochs = std::max<std::int64_t>(
      made.epochs, (settings.updates + in_epoch - 1) / in_epoch);
  made.updates = made.epochs * in_epoch;
  return made;
}

Network train(const InputRows& inputs, const VectorXf& targets,
              const Settings& settings) {
  Random random(settings.seed);
  Network network;
  network.embedding = initial_embedding(inputs.cols(), settings, random);
  network.layers = initial_layers(inputs.cols(), settings, random);
  const Index rows = inputs.rows();
  std::vector<std::int64_t> order = random.sample(rows, rows);
  const auto held_out = static_cast<std::ptrdiff_t>(settings.held_out *
                                                    static_cast<double>(rows));
  const std::vector<std::int64_t> watched(order.begin(),
                                          order.begin() + held_out);
  order.erase(order.begin(), order.begin() + held_out);
  const MatrixXf watched_inputs = inputs(watched, Eigen::all);
  const VectorXf watched_targets = targets(watched);

  const auto count = static_cast<std::int64_t>(order.size());
  const Schedule schedule = schedule_for(count, settings);
  std::int64_t done = 0;
  Adam adam_of_embedding(network.embedding);
  Adam adam(network.layers);
  std::optional<Network> best_network;
  float best = -std::numeric_limits<float>::infinity();
  int idle = 0;
  for (std::int64_t epoch = 0;
       epoch < schedule.epochs && idle < settings.patience; ++epoch) {
    const std::vector<std::int64_t> shuffle = random.sample(count, count);
    for (std::int64_t first = 0; first < count; first += schedule.batch) {
      std::vector<std::int64_t> batch;
      for (auto i = first; i < std::min(first + schedule.batch, count); ++i) {
        batch.push_back(order[static_cast<std::size_t>(
            shuffle[static_cast<std::size_t>(i)])]);
      }
      const double passed =
          static_cast<double>(done++) / static_cast<double>(schedule.updates);
      const double share =
          settings.cosine ? (1 + std::cos(std::numbers::pi * passed)) / 2 : 1;
      const double rate = schedule.learning_rate * share;
      const Network gradients = gradients_of_loss(
          network, inputs(batch, Eigen::all), targets(batch), settings, random);
      adam_of_embedding.step(gradients.embedding, rate);
      adam.step(gradients.layers, rate);
    }
    if (watched.empty()) continue;
    const float score = r_squared(
        watched_targets,
        forward(network, settings.activation, watched_inputs).predicted);
    idle = score > best + static_cast<float>(settings.least_progress)
               ? 0
               : idle + 1;
    if (score > best) {
      best = score;
      best_network = network;
    }
  }
  return best_network ? *best_network : network;
}

/// The values of a column without `share` of them at either end; NaN, which
/// limits nothing, where no more than one value would be left.
std::pair<float, float> inner_range(const Matrix& x, std::size_t column,
                                    double share) {
  std::vector<float> values;
  for (std::size_t i = 0; i < x.rows; ++i) {
    if (!std::isnan(x.at(i, column))) values.push_back(x.at(i, column));
  }
  // Nothing was learnt of such a column, so any value counts as its mean.
  if (values.empty()) return {0.F, 0.F};
  if (share == 0) return {kMissing, kMissing};
  const auto in_order = [&values](std::size_t place) {
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(place);
    std::ranges::nth_element(values, at);
    return *at;
  };
  const auto outer =
      static_cast<std::size_t>(share * static_cast<double>(values.size()));
  const float least = in_order(outer);
  const float greatest = in_order(values.size() - 1 - outer);
  if (least == greatest) return {kMissing, kMissing};
  return {least, greatest};
}

Matrix clip(const Perceptron::Parameters& parameters, Matrix x) {
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t j = 0; j < x.columns; ++j) {
      // A range of NaN limits nothing.
      x.at(i, j) =
          std::clamp(x.at(i, j), parameters.least[j], parameters.greatest[j]);
    }
  }
  return x;
}

/// Clipped and standardised.
InputRows inputs_of(const Perceptron::Parameters& parameters, const Matrix& x) {
  return to_eigen(parameters.standardiser(clip(parameters, x)));
}

}  // namespace

Perceptron::Perceptron(const Matrix& x, std::span<const float> target,
                       const PerceptronSettings& settings) {
  parameters_.activation = settings.activation;
  for (std::size_t j = 0; j < x.columns; ++j) {
    const auto [least, greatest] = inner_range(x, j, settings.clipped);
    parameters_.least.push_back(least);
    parameters_.greatest.push_back(greatest);
  }
  parameters_.standardiser = Standardiser(clip(parameters_, x));
  const Eigen::Map<const VectorXf> targets(target.data(),
                                           static_cast<Index>(target.size()));
  parameters_.mean = targets.mean();
  const Network network = train(inputs_of(parameters_, x),
                                targets.array() - parameters_.mean, settings);
  parameters_.embedding = from_eigen(network.embedding);
  parameters_.layers = from_eigen(network.layers);
}

std::vector<double> Perceptron::predict(const Matrix& x) const {
  const Network network = to_eigen(parameters_);
  const InputRows inputs = inputs_of(parameters_, x);
  std::vector<double> values;
  values.reserve(x.rows);
  constexpr Index kRows = 1024;  // at a time, for which there is memory
  for (Index first = 0; first < inputs.rows(); first += kRows) {
    const Pass pass = forward(
        network, parameters_.activation,
        inputs.middleRows(first, std::min(kRows, inputs.rows() - first)));
    for (const float value : pass.predicted) {
      values.push_back(value + parameters_.mean);
    }
  }
  return values;
}

Matrix Perceptron::contributions(const Matrix& x) const {
  constexpr int kPoints = 32;
  const Network network = to_eigen(parameters_);
  const InputRows inputs = inputs_of(parameters_, x);
  MatrixXf gradient = MatrixXf::Zero(inputs.rows(), inputs.cols());
  for (int i = 0; i < kPoints; ++i) {
    const float share = (static_cast<float>(i) + 0.5F) / kPoints;
    const MatrixXf point = inputs * share;
    const Pass pass = forward(network, parameters_.activation, point);
    gradient += gradient_of_inputs(network, point, pass);
  }
  const MatrixXf shares = gradient.cwiseProduct(inputs) / kPoints;
  const std::vector<double> predicted = predict(x);
  Matrix all(x.rows, x.columns + 1);
  for (std::size_t i = 0; i < x.rows; ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < x.columns; ++j) {
      all.at(i, j) = shares(static_cast<Index>(i), static_cast<Index>(j));
      sum += all.at(i, j);
    }
    all.at(i, x.columns) = static_cast<float>(predicted[i] - sum);
  }
  return all;
}

}  // namespace cape::predictor
