#pragma once

#include <array>
#include <cstdint>

#include "core/enum_names.h"

namespace cape::zoo {

enum class Activation { gelu, relu };

constexpr auto enum_names(Activation) {
  return EnumNames{"activation", std::to_array<EnumName<Activation>>(
                                     {{Activation::gelu, "gelu"},
                                      {Activation::relu, "relu"}})};
}

/// A network on samples of any shape, flattened: `layers` times Linear,
/// BatchNorm, activation and dropout, all of the same width, then a linear
/// head. Weights are Xavier-normal (GELU) or Kaiming-normal (ReLU), biases are
/// zero.
struct Mlp {
  std::int64_t layers = 2;
  std::int64_t width = 256;
  bool batch_norm = true;
  Activation activation = Activation::gelu;
  double dropout = 0.2;

  bool operator==(const Mlp&) const = default;
};

}  // namespace cape::zoo
