/// What kernels take of a tensor.
#pragma once

#include "models/torch.h"

namespace cape::models {

/// The values of a float tensor; null for an undefined one.
inline const float* float_data(const torch::Tensor& x) {
  return x.defined() ? x.const_data_ptr<float>() : nullptr;
}

}  // namespace cape::models
