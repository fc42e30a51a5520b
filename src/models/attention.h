/// Softmax attention over rows as linear layers make them: no head is copied
/// out, and a head's weights stay in the processor's cache.
#pragma once

#include <torch/torch.h>

namespace cape::models {

/// Queries, keys and values: (samples tokens) x width each, contiguous float32;
/// every head takes width / heads columns of them.
struct AttentionInput {
  torch::Tensor queries, keys, values;
  std::int64_t tokens;
  std::int64_t heads;
};

struct Attention {
  torch::Tensor output;    ///< (samples tokens) x width
  torch::Tensor log_sums;  ///< samples x heads x tokens
  torch::Tensor weights;   ///< samples x heads x tokens x tokens, if kept
};

/// softmax(q k^T / sqrt(width / heads)) v. Weights that are kept save their
/// computation in every backward pass.
Attention attend(const AttentionInput& input, bool keep_weights);

/// The gradients of queries, keys and values from the output's.
struct AttentionGradients {
  torch::Tensor queries, keys, values;
};
AttentionGradients attend_backward(const AttentionInput& input,
                                   const Attention& attention,
                                   const torch::Tensor& d_output);

}  // namespace cape::models
