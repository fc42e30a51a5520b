#include "datasets/image_decoder.h"

#include <algorithm>

namespace cape::datasets {
namespace {

std::array<float, 256> pixel_values(const Dataset& dataset, std::size_t channel,
                                    const BatchForm& form) {
  const float mean =
      form.standardise ? static_cast<float>(dataset.mean[channel]) : 0.0F;
  const float deviation =
      form.standardise ? static_cast<float>(dataset.deviation[channel]) : 1.0F;
  std::array<float, 256> values{};
  for (std::size_t pixel = 0; pixel < values.size(); ++pixel) {
    const std::size_t shown = form.invert ? values.size() - 1 - pixel : pixel;
    values[pixel] = (static_cast<float>(shown) / 255.0F - mean) / deviation;
  }
  return values;
}

/// Copies `image` of `channels` planes from column order to row order.
void transpose(const std::uint8_t* image, std::size_t channels,
               std::int64_t height, std::int64_t width, std::uint8_t* out) {
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::int64_t row = 0; row < height; ++row)
      for (std::int64_t column = 0; column < width; ++column)
        *out++ = image[column * height + row];
    image += height * width;
  }
}

}  // namespace

ImageDecoder::ImageDecoder(const Dataset& dataset, const Images& images,
                           const BatchForm& form)
    : images_(images),
      height_(dataset.info.shape[1]),
      width_(dataset.info.shape[2]),
      resizes_(form.rgb32 && (height_ != kSide || width_ != kSide)),
      resizer_(static_cast<int>(height_), static_cast<int>(width_),
               static_cast<int>(form.rgb32 ? kSide : height_),
               static_cast<int>(form.rgb32 ? kSide : width_)) {
  const auto out = sample_shape(dataset, form);
  channels_out_ = static_cast<std::size_t>(out[0]);
  plane_ = static_cast<std::size_t>(out[1] * out[2]);
  for (std::int64_t channel = 0; channel < dataset.info.shape[0]; ++channel) {
    values_.push_back(
        pixel_values(dataset, static_cast<std::size_t>(channel), form));
  }
  upright_.resize(channels() * static_cast<std::size_t>(height_ * width_));
}

void ImageDecoder::decode(std::int64_t index, std::uint8_t* bytes) {
  const std::uint8_t* sample = images_.at(index);
  if (images_.transposed) {
    transpose(sample, channels(), height_, width_, upright_.data());
    sample = upright_.data();
  }
  if (!resizes_) {
    std::copy_n(sample, size(), bytes);
    return;
  }
  for (std::size_t channel = 0; channel < channels(); ++channel) {
    resizer_.resize(sample + channel * height_ * width_,
                    bytes + channel * plane_);
  }
}

void ImageDecoder::to_values(const std::uint8_t* bytes, float* values) const {
  for (std::size_t channel = 0; channel < channels_out_; ++channel) {
    const std::size_t source = channel % channels();
    const std::array<float, 256>& of = values_[source];
    const std::uint8_t* const plane = bytes + source * plane_;
    for (std::size_t i = 0; i < plane_; ++i) *values++ = of[plane[i]];
  }
}

}  // namespace cape::datasets
