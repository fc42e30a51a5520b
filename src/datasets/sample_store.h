/// Samples that many batches are made of.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "datasets/batch.h"
#include "datasets/dataset.h"

namespace cape::datasets {

class ImageDecoder;

/// Some samples of a data set, decoded once and kept compact: images as bytes,
/// texts as word counts, other numbers as floats.
class SampleStore {
 public:
  /// `dataset`, which outlives the store, and the samples at `indices` in it.
  /// Throws Error where it has no such sample.
  SampleStore(const Dataset& dataset, std::vector<std::int64_t> indices,
              const BatchForm& form);
  ~SampleStore();
  SampleStore(SampleStore&&) noexcept;
  SampleStore& operator=(SampleStore&&) = delete;
  SampleStore(const SampleStore&) = delete;
  SampleStore& operator=(const SampleStore&) = delete;

  std::int64_t size() const { return std::ssize(indices_); }

  /// Of a sample in a batch.
  const std::vector<std::int64_t>& shape() const { return shape_; }

  /// Writes what make_batch makes of the samples at `positions`, counted from
  /// the first of `indices`: positions.size() x shape() numbers.
  void copy_inputs(std::span<const std::int64_t> positions,
                   float* inputs) const;

  /// The labels of all samples; the batch has no inputs.
  const Batch& labels() const { return labels_; }

 private:
  const Dataset& dataset_;
  std::vector<std::int64_t> indices_;
  BatchForm form_;
  std::vector<std::int64_t> shape_;
  std::size_t sample_size_;
  std::unique_ptr<ImageDecoder> images_;  ///< none: other numbers
  std::vector<std::uint8_t> bytes_;       ///< of images
  std::vector<float> numbers_;            ///< of neither images nor texts
  Batch labels_;
};

}  // namespace cape::datasets
