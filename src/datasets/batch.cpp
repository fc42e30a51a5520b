#include "datasets/batch.h"

#include <array>

#include "core/error.h"
#include "datasets/resize.h"

namespace cape::datasets {
namespace {

constexpr std::int64_t kSide = 32;

/// What each of the 256 pixel values becomes, in float as torchvision has it.
using PixelValues = std::array<float, 256>;

PixelValues pixel_values(const Dataset& dataset, std::size_t channel,
                         bool standardise) {
  const float mean =
      standardise ? static_cast<float>(dataset.mean[channel]) : 0.0F;
  const float deviation =
      standardise ? static_cast<float>(dataset.deviation[channel]) : 1.0F;
  PixelValues values{};
  for (std::size_t pixel = 0; pixel < values.size(); ++pixel) {
    values[pixel] = (static_cast<float>(pixel) / 255.0F - mean) / deviation;
  }
  return values;
}

void check_indices(const Dataset& dataset,
                   std::span<const std::int64_t> indices) {
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= dataset.info.samples) {
      fail("sample {} asked for, {} has {}", index, dataset.info.name,
           dataset.info.samples);
    }
  }
}

}  // namespace

Batch make_batch(const Dataset& dataset, std::span<const std::int64_t> indices,
                 const BatchForm& form) {
  check_indices(dataset, indices);
  const std::int64_t channels = dataset.info.shape[0];
  const std::int64_t height = dataset.info.shape[1];
  const std::int64_t width = dataset.info.shape[2];
  const std::int64_t out_channels = form.rgb32 ? 3 : channels;
  const std::int64_t out_height = form.rgb32 ? kSide : height;
  const std::int64_t out_width = form.rgb32 ? kSide : width;
  const std::int64_t out_plane = out_height * out_width;

  std::vector<PixelValues> values;
  for (std::int64_t channel = 0; channel < channels; ++channel)
    values.push_back(pixel_values(dataset, channel, form.standardise));
  Resizer resizer(static_cast<int>(height), static_cast<int>(width),
                  static_cast<int>(out_height), static_cast<int>(out_width));
  std::vector<std::uint8_t> resized(channels * out_plane);

  Batch batch;
  batch.shape = {static_cast<std::int64_t>(indices.size()), out_channels,
                 out_height, out_width};
  batch.inputs.reserve(indices.size() * out_channels * out_plane);
  for (const std::int64_t index : indices) {
    batch.labels.push_back(dataset.labels[index]);
    const std::uint8_t* sample =
        &dataset.pixels[index * channels * height * width];
    for (std::int64_t channel = 0; channel < channels; ++channel) {
      resizer.resize(sample + channel * height * width,
                     &resized[channel * out_plane]);
    }
    for (std::int64_t channel = 0; channel < out_channels; ++channel) {
      const std::int64_t source = channel % channels;
      const std::uint8_t* plane = &resized[source * out_plane];
      for (std::int64_t i = 0; i < out_plane; ++i)
        batch.inputs.push_back(values[source][plane[i]]);
    }
  }
  return batch;
}

}  // namespace cape::datasets
