/// All steps of a recurrent layer as one function of autograd: one product for
/// all steps' inputs, one a step for its state, and as many backward.
#pragma once

#include <torch/torch.h>

namespace cape::models {

/// The parameters of one direction of one layer, PyTorch's.
struct RecurrentWeights {
  const torch::Tensor& of_input;   ///< gates hidden x features
  const torch::Tensor& of_hidden;  ///< gates hidden x hidden
  const torch::Tensor& input_bias;
  const torch::Tensor& hidden_bias;
};

/// The two projections of all steps: steps x samples x gates hidden.
struct Projections {
  torch::Tensor of_input;
  torch::Tensor of_hidden;
};

/// steps x samples x features -> steps x samples x hidden; float32 on the CPU,
/// contiguous. The scan keeps its projections to itself: `probes` stand for
/// them, in that gradients with respect to these are those of the projections.
/// Their values are not looked at; undefined where nobody asks.
template <int Gates>
torch::Tensor recurrent_scan(const torch::Tensor& input,
                             const RecurrentWeights& weights,
                             const Projections& probes, bool reverse);

}  // namespace cape::models
