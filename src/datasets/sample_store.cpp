#include "datasets/sample_store.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "datasets/image_decoder.h"

namespace cape::datasets {

SampleStore::SampleStore(const Dataset& dataset,
                         std::vector<std::int64_t> indices,
                         const BatchForm& form)
    : dataset_(dataset),
      indices_(std::move(indices)),
      form_(form),
      shape_(sample_shape(dataset, form)),
      sample_size_(static_cast<std::size_t>(std::accumulate(
          shape_.begin(), shape_.end(), std::int64_t{1}, std::multiplies<>()))),
      labels_(batch_labels(dataset, indices_)) {
  if (const auto* const images = std::get_if<Images>(&dataset.inputs)) {
    images_ = std::make_unique<ImageDecoder>(dataset, *images, form);
    bytes_.resize(indices_.size() * images_->size());
    for (std::size_t i = 0; i < indices_.size(); ++i) {
      images_->decode(indices_[i], &bytes_[i * images_->size()]);
    }
  } else if (std::holds_alternative<Array>(dataset.inputs)) {
    numbers_ = make_batch(dataset, indices_, form).inputs;
  }
}

SampleStore::~SampleStore() = default;
SampleStore::SampleStore(SampleStore&&) noexcept = default;

void SampleStore::copy_inputs(std::span<const std::int64_t> positions,
                              float* inputs) const {
  if (images_) {
    for (const std::int64_t position : positions) {
      images_->to_values(
          &bytes_[static_cast<std::size_t>(position) * images_->size()],
          inputs);
      inputs += sample_size_;
    }
    return;
  }
  if (!numbers_.empty()) {
    for (const std::int64_t position : positions) {
      inputs = std::copy_n(
          &numbers_[static_cast<std::size_t>(position) * sample_size_],
          sample_size_, inputs);
    }
    return;
  }
  std::vector<std::int64_t> texts;
  texts.reserve(positions.size());
  for (const std::int64_t position : positions) {
    texts.push_back(indices_[static_cast<std::size_t>(position)]);
  }
  std::ranges::copy(make_batch(dataset_, texts, form_).inputs, inputs);
}

}  // namespace cape::datasets
