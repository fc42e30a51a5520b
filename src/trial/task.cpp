#include "trial/task.h"

namespace cape::trial {

zoo::Head head_of(const datasets::DatasetInfo& dataset) {
  using datasets::Task;
  if (dataset.task == Task::regression) return {1};
  return {dataset.classes, dataset.task == Task::sequence};
}

zoo::Sample sample_of(const datasets::DatasetInfo& dataset) {
  zoo::Sample sample = dataset.shape;
  sample.vocabulary = dataset.vocabulary;
  return sample;
}

}  // namespace cape::trial
