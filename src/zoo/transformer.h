#pragma once

#include <cstdint>

namespace cape::zoo {

/// Vision transformers on images of 3 x 32 x 32: pre-norm blocks with exact
/// GELU, learned positions, a final LayerNorm, a linear head, no dropout.
/// Convolutions are Kaiming-normal, linear layers Xavier-normal with zero
/// biases, attention as in PyTorch's MultiheadAttention, positions and tokens
/// truncated normal of deviation 0.02.

/// Patches by a strided convolution, and a class token that the head reads. For
/// a sequence the steps are the tokens, by a linear embedding instead of the
/// patches; a head for every step then reads all tokens, and there is no class
/// token. The defaults are ViT-Tiny-32/4.
struct Vit {
  std::int64_t patch = 4;
  std::int64_t width = 192;
  std::int64_t depth = 6;
  std::int64_t heads = 3;
  std::int64_t mlp_ratio = 2;

  bool operator==(const Vit&) const = default;
};

/// A convolutional tokenizer: 3x3 convolutions 3 -> width / 2 (stride 1) ->
/// width (stride 2), each with BatchNorm and GELU; the head reads the mean over
/// the tokens. The defaults are CCT-Small.
struct Cct {
  std::int64_t width = 128;
  std::int64_t depth = 4;
  std::int64_t heads = 4;
  std::int64_t mlp_ratio = 2;

  bool operator==(const Cct&) const = default;
};

/// Two stages: patches of `width` with `depth` blocks and `heads` heads; then
/// the token grid is 2x2 average-pooled, projected to twice the width, given
/// new positions and `depth` more blocks with heads + 1 heads. The head reads
/// the mean over the tokens. The defaults are PiT-XS.
struct Pit {
  std::int64_t patch = 4;
  std::int64_t width = 96;
  std::int64_t depth = 2;
  std::int64_t heads = 2;
  std::int64_t mlp_ratio = 2;

  bool operator==(const Pit&) const = default;
};

}  // namespace cape::zoo
