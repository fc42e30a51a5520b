/// One direction of one layer of an LSTM (four gates) or GRU (three).
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>

#include "models/layers.h"

namespace cape::models {

/// steps x samples x features -> steps x samples x hidden, from a state of
/// zero; `reverse` goes from the last step to the first. Both projections have
/// a bias, as in PyTorch's cells. They are separate layers, since in a GRU
/// their outputs have different gradients.
template <int Gates>
class RecurrentLayer : public torch::nn::Module {
 public:
  RecurrentLayer(std::int64_t features, std::int64_t hidden, bool reverse);

  torch::Tensor forward(const torch::Tensor& input) const;

 private:
  torch::Tensor forward_by_steps(const torch::Tensor& input) const;
  torch::Tensor delayed(const torch::Tensor& output) const;

  std::shared_ptr<Linear> input_projection_;   ///< features -> gates x hidden
  std::shared_ptr<Linear> hidden_projection_;  ///< hidden -> gates x hidden
  const std::int64_t hidden_;
  const bool reverse_;
};

}  // namespace cape::models
