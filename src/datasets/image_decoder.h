/// Images of a data set in the form that a network wants. Private to this
/// folder.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "datasets/batch.h"
#include "datasets/dataset.h"
#include "datasets/resize.h"

namespace cape::datasets {

class ImageDecoder {
 public:
  /// `dataset` and its `images` outlive the decoder.
  ImageDecoder(const Dataset& dataset, const Images& images,
               const BatchForm& form);

  /// Bytes of a decoded image: its own channels, in the form's size.
  std::size_t size() const { return channels() * plane_; }

  /// Numbers that they become, where a grey image has three channels.
  std::size_t values_size() const { return channels_out_ * plane_; }

  /// Writes size() bytes: image `index`, row by row and resized.
  void decode(std::int64_t index, std::uint8_t* bytes);

  /// Writes values_size() numbers.
  void to_values(const std::uint8_t* bytes, float* values) const;

 private:
  std::size_t channels() const { return values_.size(); }

  const Images& images_;
  std::int64_t height_, width_;
  bool resizes_;
  Resizer resizer_;
  std::size_t channels_out_, plane_;  ///< of the form
  /// The value of each of the 256 pixel values, for each channel, in float as
  /// in torchvision.
  std::vector<std::array<float, 256>> values_;
  std::vector<std::uint8_t> upright_;
};

}  // namespace cape::datasets
