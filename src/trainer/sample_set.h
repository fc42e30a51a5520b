/// Samples for a whole training on a device, batch by batch.
#pragma once

#include <span>
#include <vector>

#include "datasets/sample_store.h"
#include "models/torch.h"
#include "trainer/training.h"

namespace cape::trainer {

/// The inputs of a batch as networks take them: tokens as int64.
torch::Tensor input_tensor(torch::Tensor inputs,
                           const datasets::DatasetInfo& dataset);

/// The labels of a batch of `samples` as TaskObjective has them, on the CPU.
torch::Tensor label_tensor(const datasets::Batch& batch, datasets::Task task,
                           std::int64_t samples);

class SampleSet {
 public:
  /// The samples at `indices` of `dataset`, which outlives this.
  SampleSet(const datasets::Dataset& dataset, std::vector<std::int64_t> indices,
            const datasets::BatchForm& form, const torch::Device& device);

  std::int64_t size() const { return store_.size(); }
  datasets::Task task() const { return info_.task; }
  const torch::Device& device() const { return device_; }

  /// The samples at `positions`, counted from the first of `indices`.
  TrialBatch batch(std::span<const std::int64_t> positions) const;

  /// Samples `first` to `first` + `count` - 1.
  TrialBatch range(std::int64_t first, std::int64_t count) const;

  /// Of all samples, as TaskObjective has them, on the CPU.
  const torch::Tensor& labels() const { return labels_; }

 private:
  const datasets::DatasetInfo& info_;
  datasets::SampleStore store_;
  torch::Tensor labels_;
  torch::Device device_;
};

}  // namespace cape::trainer
