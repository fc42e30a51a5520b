#pragma once

#include <cstdint>

namespace cape::zoo {

/// A vision transformer: patches by a strided convolution, a class token,
/// learned positions, pre-norm blocks with exact GELU, a final LayerNorm and a
/// linear head on the class token. The defaults are ViT-Tiny-32/4.
struct Vit {
  std::int64_t patch = 4;
  std::int64_t width = 192;
  std::int64_t depth = 6;
  std::int64_t heads = 3;
  std::int64_t mlp_ratio = 2;

  bool operator==(const Vit&) const = default;
};

}  // namespace cape::zoo
