#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/dataset.h"

namespace cape::datasets {

struct BatchForm {
  /// 3 x 32 x 32: images resized, and grey repeated to 3; texts as they are,
  /// since their hashed words are 3,072. Vectors and sequences have no such
  /// form and stay what they are.
  bool rgb32 = false;
  /// (pixel / 255 - mean) / deviation, else / 255; numbers always.
  bool standardise = true;
  bool invert = false;  ///< pixel p of an image stands for 255 - p
};

struct Batch {
  std::vector<float> inputs;
  std::vector<std::int64_t> shape;  ///< of inputs: samples x C x H x W, ...
  /// As Dataset::labels; of a classification and of sequences.
  std::vector<std::int64_t> labels;
  /// Of a regression, standardised, and of a multilabel task.
  std::vector<float> targets;
};

/// The samples at `indices`, in that order. The resize is the antialiased
/// bilinear filter on 8-bit images of Pillow and torchvision, to the bit; on
/// other numbers it is the same filter without its rounding. Texts are their
/// word counts divided by the norm of these.
Batch make_batch(const Dataset& dataset, std::span<const std::int64_t> indices,
                 const BatchForm& form);

}  // namespace cape::datasets
