/// Computes every sample's gradient norm from one recorded pass, without a loop
/// over samples. Ideas: Goodfellow 2015 (products of norms), Rochette et al.
/// 2019 (convolutions), Li et al. 2022 (sequences by Gram matrices).
#pragma once

#include <vector>

#include "models/recording.h"
#include "models/torch.h"

namespace cape::models {

/// Gradients of several per-sample values with respect to the recorded outputs.
/// Element v has those of value v: one tensor for each recording, undefined
/// where the value does not depend on it.
using OutputGradients = std::vector<std::vector<torch::Tensor>>;

/// Squared norms of the gradients with respect to all parameters that require
/// one: values x samples, double. Exact except for rounding.
torch::Tensor sample_squared_norms(const std::vector<Recording>& recordings,
                                   const OutputGradients& gradients);

}  // namespace cape::models
