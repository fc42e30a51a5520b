/// The two branches of a pre-norm Transformer block. In float32 on the CPU each
/// branch is one autograd function. It keeps only what its backward pass cannot
/// compute again in one pass over memory, and adds up gradients at the place
/// where they are made.
#pragma once

#include "models/layers.h"
#include "models/torch.h"

namespace cape::models {

/// x + attention(norm(x)); x: samples x tokens x width.
torch::Tensor attention_branch(const LayerNorm& norm,
                               const SelfAttention& attention,
                               const torch::Tensor& x);

/// x + contract(gelu(expand(norm(x)))); x: samples x tokens x width.
torch::Tensor mlp_branch(const LayerNorm& norm, const Linear& expand,
                         const Linear& contract, const torch::Tensor& x);

}  // namespace cape::models
