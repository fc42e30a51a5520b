/// Softmax attention on rows in the layout in which linear layers make them. No
/// head is copied out, and the weights of a head stay in the processor's cache.
#pragma once

#include "models/torch.h"

namespace cape::models {

/// Queries, keys and values: each (samples tokens) x width, contiguous float32.
/// Every head takes width / heads of the columns.
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

/// softmax(q k^T / sqrt(width / heads)) v. If the weights are kept, the
/// backward passes do not compute them again.
Attention attend(const AttentionInput& input, bool keep_weights);

/// The gradients of queries, keys and values, from that of the output.
struct AttentionGradients {
  torch::Tensor queries, keys, values;
};
AttentionGradients attend_backward(const AttentionInput& input,
                                   const Attention& attention,
                                   const torch::Tensor& d_output);

}  // namespace cape::models
