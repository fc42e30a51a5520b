/// The zoo made of LibTorch's stock modules alone, as the published protocol
/// describes it: what src/models and src/trainer are tested against and
/// measured against.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/build.h"
#include "models/torch.h"
#include "zoo/architecture.h"

namespace cape::plain {

class PlainModel : public torch::nn::Module {
 public:
  /// samples x C x H x W -> logits, samples x outputs.
  virtual torch::Tensor forward(const torch::Tensor& inputs) = 0;

  /// The parameters in the order of those of models::build's network.
  virtual std::vector<torch::Tensor> weights() const { return parameters(); }
};

/// On the CPU, in training mode, at the stock modules' own initialization;
/// arguments as models::build.
std::shared_ptr<PlainModel> make_plain(const zoo::Architecture& architecture,
                                       const std::vector<std::int64_t>& sample,
                                       std::int64_t outputs);

/// Gives `to` the parameters and running statistics of the same architecture
/// from models::build. Throws Error where their shapes differ.
void copy_weights(const models::Model& from, PlainModel& to);

}  // namespace cape::plain
