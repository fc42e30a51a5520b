/// The dropout of a network in TorchScript.
#pragma once

#include <torch/script.h>

namespace cape::models {

/// The greatest rate of dropout in what `forward` calls: dropout of all kinds,
/// that between recurrent layers, and that of attention. 0 without any; NaN
/// where a rate is computed, so that the code does not show it. Dropout that is
/// off in training mode, as in a trace of evaluation mode, does not count.
double dropout_rate(const torch::jit::Module& module);

}  // namespace cape::models
