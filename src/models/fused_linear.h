/// Linear layers with what follows them, in fewer passes over memory.
#pragma once

#include <torch/torch.h>

#include "models/layers.h"

namespace cape::models {

/// gelu(linear(input)).
torch::Tensor linear_gelu(const Linear& linear, const torch::Tensor& input);

/// residual + linear(input).
torch::Tensor linear_add(const Linear& linear, const torch::Tensor& input,
                         const torch::Tensor& residual);

}  // namespace cape::models
