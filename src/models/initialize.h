/// Draws the initial weights of networks, from Torch's default generator.
#pragma once

#include "models/layers.h"
#include "zoo/sequential.h"

namespace cape::models {

/// Normal with variance 2 / (inputs + outputs); biases are zero.
void xavier_normal(Linear& linear);

/// Normal with variance 2 / fan-in, the gain of ReLU squared; biases are zero.
void kaiming_normal(Linear& linear);
void kaiming_normal(Conv2d& convolution);

/// PyTorch's default: uniform in +-1/sqrt(fan-in), also the biases.
void torch_default(Linear& linear);
void torch_default(Conv2d& convolution);

/// As zoo::Initialization says. Without gain, but for Kaiming's, which is that
/// of ReLU. Xavier and Kaiming are normal; the rows of an orthogonal matrix, or
/// its columns if there are fewer, are orthonormal.
void initialize(zoo::Initialization how, Linear& linear);
void initialize(zoo::Initialization how, Conv2d& convolution);
void initialize(zoo::Initialization how, Conv1d& convolution);

/// A projection of a recurrent layer: its `gates` matrices one by one.
void initialize_recurrent(zoo::Initialization how, Linear& projection,
                          std::int64_t gates);

/// The projections one by one; `torch` is attention_default.
void initialize(zoo::Initialization how, SelfAttention& attention);

/// PyTorch's default for recurrent cells: uniform in +-1/sqrt(hidden).
void torch_default_recurrent(Linear& projection, std::int64_t hidden);

/// Normal with deviation 0.02. (PyTorch's trunc_normal_ with this deviation
/// cuts at +-2, a hundred deviations away, which is the same in practice.)
void small_normal(LearnedTensor& tensor);

/// As in PyTorch's MultiheadAttention: queries, keys and values are
/// Xavier-uniform as one matrix, the output projection is uniform in
/// +-1/sqrt(width), biases are zero.
void attention_default(SelfAttention& attention);

}  // namespace cape::models
