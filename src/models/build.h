/// Networks from their descriptions.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "zoo/architecture.h"

namespace cape::models {

/// Unless records_probes says otherwise, all parameters belong to layers that
/// record probes: models/recording.h.
class Model : public torch::nn::Module {
 public:
  /// samples x C x H x W, x T x D or x D -> logits, samples x outputs, or
  /// samples x T x outputs where the head is one for every step. In evaluation
  /// mode it changes nothing of the model: a probe's threads call it side by
  /// side.
  virtual torch::Tensor forward(const torch::Tensor& inputs) = 0;

  virtual bool records_probes() const { return true; }

  /// How many samples each thread of a probe takes at once. It holds the
  /// inputs, outputs and gradients of every layer: where these are large, few
  /// keep them near the processor and the memory within bounds.
  virtual std::int64_t samples_a_probe() const {
    return std::numeric_limits<std::int64_t>::max();
  }
};

/// A freshly initialised network on the CPU, in training mode. `sample` is the
/// data set's shape of one sample, which the network may want in another form
/// (zoo::input_form) but must not refuse (zoo::refusal). Draws from Torch's
/// default generator.
std::shared_ptr<Model> build(const zoo::Architecture& architecture,
                             const std::vector<std::int64_t>& sample,
                             const zoo::Head& head);

/// Trainable parameters.
std::int64_t parameter_count(const torch::nn::Module& model);

}  // namespace cape::models
