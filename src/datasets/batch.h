#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/dataset.h"

namespace cape::datasets {

struct BatchForm {
  bool rgb32 = false;       ///< resized to 32 x 32 and grey repeated to 3
  bool standardise = true;  ///< (pixel / 255 - mean) / deviation, else / 255
};

struct Batch {
  std::vector<float> inputs;         ///< samples x C x H x W
  std::vector<std::int64_t> shape;   ///< of inputs
  std::vector<std::int64_t> labels;  ///< samples
};

/// The samples at `indices`, in that order. The resize is the antialiased
/// bilinear filter on 8-bit images of Pillow and torchvision, to the bit.
Batch make_batch(const Dataset& dataset, std::span<const std::int64_t> indices,
                 const BatchForm& form);

}  // namespace cape::datasets
