#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "datasets/dataset.h"

namespace cape::datasets {

struct BatchForm {
  /// As 3 x 32 x 32: images are resized, and grey ones repeated three times;
  /// texts keep their values, since they have 3,072 hashed words. Vectors and
  /// sequences have no such form and stay unchanged.
  bool rgb32 = false;
  /// (pixel / 255 - mean) / deviation; otherwise pixel / 255. Numbers are
  /// always standardised.
  bool standardise = true;
  bool invert = false;  ///< pixel p of an image stands for 255 - p
};

struct Batch {
  std::vector<float> inputs;
  std::vector<std::int64_t> shape;  ///< of inputs: samples x C x H x W, ...
  /// Labels as in Dataset::labels, for classification and sequences.
  std::vector<std::int64_t> labels;
  /// Labels of a regression (standardised) and of a multilabel task.
  std::vector<float> targets;
};

/// The side of an image that is brought to the form rgb32, in pixels.
inline constexpr std::int64_t kSide = 32;

/// The shape of one sample in a batch.
std::vector<std::int64_t> sample_shape(const Dataset& dataset,
                                       const BatchForm& form);

/// The samples at `indices`, in that order. Images are resized with the
/// antialiased bilinear filter of Pillow and torchvision on 8-bit images, equal
/// to the bit; other numbers with the same filter without its rounding. A text
/// becomes its word counts divided by their norm.
Batch make_batch(const Dataset& dataset, std::span<const std::int64_t> indices,
                 const BatchForm& form);

/// The same without inputs and shape.
Batch batch_labels(const Dataset& dataset,
                   std::span<const std::int64_t> indices);

}  // namespace cape::datasets
