#pragma once

#include <cstdint>
#include <string>

#include "core/enum_names.h"
#include "zoo/layers.h"

namespace cape::zoo {

/// How weights are drawn. `torch` is PyTorch's default for each layer; the
/// others draw the weights of linear layers, convolutions, patches and
/// recurrent gates by fan-in and fan-out as torch.nn.init does, with biases of
/// zero. Norms begin at 1 and 0, positions are normal of deviation 0.02.
enum class Initialization { torch, xavier, kaiming, orthogonal };

constexpr auto enum_names(Initialization) {
  using enum Initialization;
  return EnumNames{"initialization", std::to_array<EnumName<Initialization>>(
                                         {{torch, "torch"},
                                          {xavier, "xavier"},
                                          {kaiming, "kaiming"},
                                          {orthogonal, "orthogonal"}})};
}

/// A network as a list of layers, on samples of any shape, standardised. The
/// output layer follows the list by itself: a linear layer from the vector that
/// the list ends with to what the data set needs, or, for outputs at every
/// step, from the features of each step.
struct Sequential {
  std::string name;  ///< for tables; no part of identity()
  Initialization initialization = Initialization::torch;
  layers::Layers layers;

  bool operator==(const Sequential&) const = default;
};

/// The longest `name`.
inline constexpr std::size_t kLongestName = 60;

}  // namespace cape::zoo
