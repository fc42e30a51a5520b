/// How fresh networks get their weights, from Torch's default generator.
#pragma once

#include "models/layers.h"

namespace cape::models {

/// Normal of variance 2 / (inputs + outputs); biases zero.
void xavier_normal(Linear& linear);

/// Normal of variance 2 / fan-in, the gain of ReLU squared; biases zero.
void kaiming_normal(Linear& linear);
void kaiming_normal(Conv2d& convolution);

/// PyTorch's default: uniform in +-1/sqrt(fan-in), the biases too.
void torch_default(Linear& linear);
void torch_default(Conv2d& convolution);

/// PyTorch's default for recurrent cells: uniform in +-1/sqrt(hidden).
void torch_default_recurrent(Linear& projection, std::int64_t hidden);

/// Normal of deviation 0.02. (PyTorch's trunc_normal_ of this deviation cuts at
/// +-2, a hundred deviations away: it is this.)
void small_normal(LearnedTensor& tensor);

/// As PyTorch's MultiheadAttention: queries, keys and values Xavier-uniform as
/// one matrix, the output projection uniform in +-1/sqrt(width), biases zero.
void attention_default(SelfAttention& attention);

}  // namespace cape::models
