#include "trial/task.h"

namespace cape::trial {

zoo::Head head_of(const datasets::DatasetInfo& dataset) {
  using datasets::Task;
  if (dataset.task == Task::regression) return {1};
  return {dataset.classes, dataset.task == Task::sequence};
}

zoo::Sample sample_of(const datasets::DatasetInfo& dataset) {
  return {dataset.shape, dataset.vocabulary};
}

}  // namespace cape::trial
