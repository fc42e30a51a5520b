/// All steps of a recurrent layer as one autograd function. It has one product
/// for the inputs of all steps and one for the state of each step, and the same
/// in the backward pass.
#pragma once

#include "models/torch.h"

namespace cape::models {

/// The parameters of one direction of one layer, in PyTorch's layout.
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
/// contiguous. The projections stay inside of the scan. `probes` represent
/// them: gradients with respect to `probes` are those of the projections. Their
/// values are not used; they may be undefined if nobody needs these gradients.
template <int Gates>
torch::Tensor recurrent_scan(const torch::Tensor& input,
                             const RecurrentWeights& weights,
                             const Projections& probes, bool reverse);

}  // namespace cape::models
