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

torch::Tensor input_tensor(torch::Tensor inputs,
                           const datasets::DatasetInfo& dataset) {
  return dataset.vocabulary > 0 ? inputs.to(torch::kLong) : inputs;
}

SampleSet::SampleSet(const datasets::Dataset& dataset,
                     std::vector<std::int64_t> indices,
                     const datasets::BatchForm& form,
                     const torch::Device& device)
    : info_(dataset.info),
      store_(dataset, std::move(indices), form),
      labels_(label_tensor(store_.labels(), dataset.info.task, store_.size())),
      device_(device) {}

TrialBatch SampleSet::batch(std::span<const std::int64_t> positions) const {
  std::vector<std::int64_t> shape = store_.shape();
  shape.insert(shape.begin(), std::ssize(positions));
  const torch::Tensor inputs = torch::empty(shape);
  store_.copy_inputs(positions, inputs.mutable_data_ptr<float>());
  const torch::Tensor index =
      torch::tensor(torch::IntArrayRef(positions.data(), positions.size()));
  return {input_tensor(inputs, info_).to(device_),
          labels_.index_select(0, index).to(device_), info_.task};
}

TrialBatch SampleSet::range(std::int64_t first, std::int64_t count) const {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(count));
  std::iota(positions.begin(), positions.end(), first);
  return batch(positions);
}

}  // namespace cape::trainer
