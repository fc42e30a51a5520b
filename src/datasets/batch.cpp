#include "datasets/batch.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "datasets/image_decoder.h"
#include "datasets/resize.h"

namespace cape::datasets {
namespace {

void check_indices(const Dataset& dataset,
                   std::span<const std::int64_t> indices) {
  for (const std::int64_t index : indices) {
    if (index < 0 || index >= dataset.info.samples) {
      fail("sample {} asked for, {} has {}", index, dataset.info.name,
           dataset.info.samples);
    }
  }
}

void append(const Dataset& dataset, const Images& images,
            std::span<const std::int64_t> indices, const BatchForm& form,
            Batch& batch) {
  ImageDecoder decoder(dataset, images, form);
  std::vector<std::uint8_t> bytes(decoder.size());
  std::size_t end = batch.inputs.size();
  batch.inputs.resize(end + indices.size() * decoder.values_size());
  for (const std::int64_t index : indices) {
    decoder.decode(index, bytes.data());
    decoder.to_values(bytes.data(), &batch.inputs[end]);
    end += decoder.values_size();
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

std::vector<std::int64_t> sample_shape(const Dataset& dataset,
                                       const BatchForm& form) {
  const std::vector<std::int64_t>& shape = dataset.info.shape;
  if (form.rgb32 && shape.size() == 3) return {3, kSide, kSide};
  return shape;
}

Batch make_batch(const Dataset& dataset, std::span<const std::int64_t> indices,
                 const BatchForm& form) {
  check_indices(dataset, indices);
  Batch batch;
  batch.shape = sample_shape(dataset, form);
  batch.shape.insert(batch.shape.begin(), std::ssize(indices));
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

Batch batch_labels(const Dataset& dataset,
                   std::span<const std::int64_t> indices) {
  check_indices(dataset, indices);
  Batch batch;
  append_labels(dataset, indices, batch);
  return batch;
}

}  // namespace cape::datasets
