/// BatchNorm with what follows it, in as few passes over memory as it takes.
#pragma once

#include <torch/torch.h>

#include "models/activation.h"
#include "models/layers.h"

namespace cape::models {

torch::Tensor activate(Activation activation, const torch::Tensor& input);

/// dropout(activation(norm(input) + residual)). `residual` may be undefined;
/// with one the activation is not gelu. Dropout as `norm` is in training mode.
torch::Tensor norm_activate(const BatchNorm& norm, const torch::Tensor& input,
                            Activation activation,
                            const torch::Tensor& residual = {},
                            double dropout = 0);

}  // namespace cape::models
