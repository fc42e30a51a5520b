#pragma once

#include <cstdint>

namespace cape::kernels {

/// The function that follows a layer. GELU is the exact one.
enum class Activation { none, relu, relu6, gelu };

}  // namespace cape::kernels
