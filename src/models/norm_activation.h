/// BatchNorm and what follows it, in as few passes over memory as possible.
#pragma once

#include "kernels/activation.h"
#include "models/layers.h"
#include "models/torch.h"

namespace cape::models {

using kernels::Activation;

torch::Tensor activate(Activation activation, const torch::Tensor& input);

/// dropout(activation(norm(input) + residual)). `residual` may be undefined; if
/// it is not, the activation must not be gelu. Dropout is on if `norm` is in
/// training mode.
torch::Tensor norm_activate(const BatchNorm& norm, const torch::Tensor& input,
                            Activation activation,
                            const torch::Tensor& residual = {},
                            double dropout = 0);

}  // namespace cape::models
