#include "trainer/sample_set.h"

#include <numeric>
#include <utility>

namespace cape::trainer {

torch::Tensor label_tensor(const datasets::Batch& batch, datasets::Task task,
                           std::int64_t samples) {
  const torch::Tensor labels = batch.targets.empty()
                                   ? torch::tensor(batch.labels)
                                   : torch::tensor(batch.targets);
  const bool has_many =
      task == datasets::Task::sequence || task == datasets::Task::multilabel;
  return has_many ? labels.view({samples, -1}) : labels;
}

SampleSet::SampleSet(const datasets::Dataset& dataset,
                     std::vector<std::int64_t> indices,
                     const datasets::BatchForm& form,
                     const torch::Device& device)
    : store_(dataset, std::move(indices), form),
      labels_(label_tensor(store_.labels(), dataset.info.task, store_.size())),
      device_(device),
      task_(dataset.info.task) {}

TrialBatch SampleSet::batch(std::span<const std::int64_t> positions) const {
  std::vector<std::int64_t> shape = store_.shape();
  shape.insert(shape.begin(), std::ssize(positions));
  const torch::Tensor inputs = torch::empty(shape);
  store_.copy_inputs(positions, inputs.mutable_data_ptr<float>());
  const torch::Tensor index =
      torch::tensor(torch::IntArrayRef(positions.data(), positions.size()));
  return {inputs.to(device_), labels_.index_select(0, index).to(device_),
          task_};
}

TrialBatch SampleSet::range(std::int64_t first, std::int64_t count) const {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(count));
  std::iota(positions.begin(), positions.end(), first);
  return batch(positions);
}

}  // namespace cape::trainer
