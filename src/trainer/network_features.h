/// What the names and shapes of a network's tensors say of it: the same for a
/// network of the zoo, of Torch's stock modules, and in TorchScript.
#pragma once

#include <cstdint>

#include "models/torch.h"
#include "trial/task.h"

namespace cape::trainer {

/// Of the trainable parameters of `model`, which gives `outputs` numbers for
/// each sample or step. docs/trial_protocol.md defines the features.
trial::NetworkFeatures network_features(const torch::nn::Module& model,
                                        std::int64_t outputs);

}  // namespace cape::trainer
