#include "datasets/batch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "datasets/resize.h"

namespace cape::datasets {
namespace {

constexpr std::int64_t kSide = 32;

/// The value of each of the 256 pixel values, in float as in torchvision.
using PixelValues = std::array<float, 256>;

PixelValues pixel_values(const Dataset& dataset, std::size_t channel,
                         const BatchForm& form) {
  const float mean =
      form.standardise ? static_cast<float>(dataset.mean[channel]) : 0.0F;
  const float deviation =
      form.standardise ? static_cast<float>(dataset.deviation[channel]) : 1.0F;
  PixelValues values{};
  for (std::size_t pixel = 0; pixel < values.size(); ++pixel) {
    const std::size_t shown = form.invert ? values.size() - 1 - pixel : pixel;
    values[pixel] = (static_cast<float>(shown) / 255.0F - mean) / deviation;
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

/// Copies `image` of `channels` planes from column order to row order.
void transpose(const std::uint8_t* image, std::int64_t channels,
               std::int64_t height, std::int64_t width, std::uint8_t* out) {
  for (std::int64_t channel = 0; channel < channels; ++channel) {
    for (std::int64_t row = 0; row < height; ++row)
      for (std::int64_t column = 0; column < width; ++column)
        *out++ = image[column * height + row];
    image += height * width;
  }
}

void append(const Dataset& dataset, const Images& images,
            std::span<const std::int64_t> indices, const BatchForm& form,
            Batch& batch) {
  const std::int64_t channels = dataset.info.shape[0];
  const std::int64_t height = dataset.info.shape[1];
  const std::int64_t width = dataset.info.shape[2];
  const std::int64_t out_plane = batch.shape[2] * batch.shape[3];
  std::vector<PixelValues> values;
  for (std::int64_t channel = 0; channel < channels; ++channel)
    values.push_back(pixel_values(dataset, channel, form));
  Resizer resizer(static_cast<int>(height), static_cast<int>(width),
                  static_cast<int>(batch.shape[2]),
                  static_cast<int>(batch.shape[3]));
  const bool resizes = height != batch.shape[2] || width != batch.shape[3];
  std::vector<std::uint8_t> upright(channels * height * width);
  std::vector<std::uint8_t> resized(channels * out_plane);
  for (const std::int64_t index : indices) {
    const std::uint8_t* sample = images.at(index);
    if (images.transposed) {
      transpose(sample, channels, height, width, upright.data());
      sample = upright.data();
    }
    if (resizes) {
      for (std::int64_t channel = 0; channel < channels; ++channel) {
        resizer.resize(sample + channel * height * width,
                       &resized[channel * out_plane]);
      }
      sample = resized.data();
    }
    for (std::int64_t channel = 0; channel < batch.shape[1]; ++channel) {
      const std::int64_t source = channel % channels;
      const std::uint8_t* plane = sample + source * out_plane;
      for (std::int64_t i = 0; i < out_plane; ++i)
        batch.inputs.push_back(values[source][plane[i]]);
    }
  }
}

/// Divides counts by their Euclidean norm; a text without words stays 0.
void append(const WordCounts& texts, std::span<const std::int64_t> indices,
            std::size_t size, Batch& batch) {
  for (const std::int64_t index : indices) {
    const std::span<const WordCounts::Entry> words = texts.of(index);
    double squares = 0;
    for (const auto& [word, count] : words)
      squares += static_cast<double>(count) * count;
    const std::size_t begin = batch.inputs.size();
    batch.inputs.resize(begin + size, 0.0F);
    for (const auto& [word, count] : words)
      batch.inputs[begin + word] =
          static_cast<float>(count / std::sqrt(squares));
  }
}

/// Standardised numbers; images as three planes of 32 x 32 if the batch asks
/// for that.
void append(const Dataset& dataset, const Array& numbers,
            std::span<const std::int64_t> indices, Batch& batch) {
  const std::vector<std::int64_t>& shape = dataset.info.shape;
  const std::size_t size = numbers.sample_size();
  const bool planes = shape.size() == 3;
  const std::size_t run = planes ? shape[1] * shape[2] : 1;
  const std::size_t features = dataset.mean.size();
  std::vector<double> values(size);
  std::vector<float> sample(size);
  std::vector<float> resized(kSide * kSide);
  std::optional<Resizer> resizer;
  if (planes &&
      !std::equal(shape.begin(), shape.end(), batch.shape.begin() + 1)) {
    resizer.emplace(static_cast<int>(shape[1]), static_cast<int>(shape[2]),
                    static_cast<int>(kSide), static_cast<int>(kSide));
  }
  for (const std::int64_t index : indices) {
    numbers.read(static_cast<std::size_t>(index) * size, values);
    for (std::size_t k = 0; k < size; ++k) {
      const std::size_t f = k / run % features;
      sample[k] = static_cast<float>((values[k] - dataset.mean[f]) /
                                     dataset.deviation[f]);
    }
    if (!resizer) {
      batch.inputs.insert(batch.inputs.end(), sample.begin(), sample.end());
      continue;
    }
    for (std::int64_t channel = 0; channel < batch.shape[1]; ++channel) {
      resizer->resize(&sample[channel % shape[0] * run], resized.data());
      batch.inputs.insert(batch.inputs.end(), resized.begin(), resized.end());
    }
  }
}

void append_labels(const Dataset& dataset,
                   std::span<const std::int64_t> indices, Batch& batch) {
  const Array& labels = dataset.labels;
  std::vector<double> values(labels.sample_size());
  const Task task = dataset.info.task;
  const bool classes = task == Task::classification || task == Task::sequence;
  for (const std::int64_t index : indices) {
    labels.read(static_cast<std::size_t>(index) * values.size(), values);
    for (const double value : values) {
      if (classes) {
        batch.labels.push_back(static_cast<std::int64_t>(value));
      } else {
        batch.targets.push_back(static_cast<float>(
            (value - dataset.target_mean) / dataset.target_deviation));
      }
    }
  }
}

}  // namespace

Batch make_batch(const Dataset& dataset, std::span<const std::int64_t> indices,
                 const BatchForm& form) {
  check_indices(dataset, indices);
  Batch batch;
  batch.shape = {static_cast<std::int64_t>(indices.size())};
  const std::vector<std::int64_t>& shape = dataset.info.shape;
  if (form.rgb32 && shape.size() == 3) {
    batch.shape.insert(batch.shape.end(), {3, kSide, kSide});
  } else {
    batch.shape.insert(batch.shape.end(), shape.begin(), shape.end());
  }
  const std::size_t size =
      std::accumulate(batch.shape.begin() + 1, batch.shape.end(),
                      std::size_t{1}, std::multiplies<>());
  batch.inputs.reserve(indices.size() * size);
  if (const auto* const images = std::get_if<Images>(&dataset.inputs)) {
    append(dataset, *images, indices, form, batch);
  } else if (const auto* const numbers = std::get_if<Array>(&dataset.inputs)) {
    append(dataset, *numbers, indices, batch);
  } else {
    append(std::get<WordCounts>(dataset.inputs), indices, size, batch);
  }
  append_labels(dataset, indices, batch);
  return batch;
}

}  // namespace cape::datasets
