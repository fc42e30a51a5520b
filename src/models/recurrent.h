/// LSTMs (four gates), GRUs (three), and RNNs with tanh (one).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/layers.h"
#include "models/torch.h"

namespace cape::models {

/// One direction of one layer: steps x samples x features -> steps x samples x
/// hidden, from a state of zero; `reverse` goes from the last step to the
/// first. Both projections have a bias, as in PyTorch's cells. They are
/// separate layers, since in a GRU their outputs have different gradients.
template <int Gates>
class RecurrentLayer : public torch::nn::Module {
 public:
  RecurrentLayer(std::int64_t features, std::int64_t hidden, bool reverse);

  torch::Tensor forward(const torch::Tensor& input) const;

  Linear& input_projection() { return *input_projection_; }
  Linear& hidden_projection() { return *hidden_projection_; }

 private:
  torch::Tensor forward_by_scan(const torch::Tensor& input) const
      requires(Gates > 1);
  torch::Tensor forward_by_steps(const torch::Tensor& input) const;
  torch::Tensor delayed(const torch::Tensor& output) const;

  std::shared_ptr<Linear> input_projection_;   ///< features -> gates x hidden
  std::shared_ptr<Linear> hidden_projection_;  ///< hidden -> gates x hidden
  const std::int64_t hidden_;
  const bool reverse_;
};

/// Layers on top of each other, of one direction or of two, whose outputs are
/// joined. `width` is that of the output.
template <int Gates>
class RecurrentStack : public torch::nn::Module {
 public:
  RecurrentStack(std::int64_t features, std::int64_t hidden,
                 std::int64_t layers, bool bidirectional);

  /// steps x samples x features -> steps x samples x width.
  torch::Tensor all_steps(const torch::Tensor& input) const;

  /// The output at the last step, where the backward direction of the last
  /// layer has taken one step: samples x width.
  torch::Tensor last_step(const torch::Tensor& input) const;

  /// In the order of the parameters.
  std::vector<std::shared_ptr<RecurrentLayer<Gates>>> layers() const;

  std::int64_t width() const { return width_; }

 private:
  torch::Tensor through(const torch::Tensor& input, std::size_t layers) const;

  std::vector<std::shared_ptr<RecurrentLayer<Gates>>> forward_, backward_;
  const std::int64_t width_;
};

}  // namespace cape::models
