#include "trainer/objective.h"

#include <limits>

namespace cape::trainer {
namespace {

using datasets::Task;
using torch::Tensor;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// - sum p log p.
double entropy(const Tensor& probabilities) {
  return -torch::xlogy(probabilities, probabilities).sum().item<double>();
}

}  // namespace

Tensor TaskObjective::loss(const Tensor& outputs, const Tensor& labels,
                           torch::Reduction::Reduction reduction) const {
  switch (task_) {
    case Task::classification:
      return torch::cross_entropy_loss(outputs, labels, {}, reduction);
    case Task::sequence:
      return torch::cross_entropy_loss(outputs.flatten(0, 1), labels.flatten(),
                                       {}, reduction);
    case Task::multilabel:
      return torch::binary_cross_entropy_with_logits(
          outputs, labels.to(outputs.scalar_type()), {}, {}, reduction);
    case Task::regression:
      return 0.5 * torch::mse_loss(outputs.squeeze(1),
                                   labels.to(outputs.scalar_type()), reduction);
  }
  return {};
}

Tensor TaskObjective::mean_loss(const Tensor& outputs,
                                const Tensor& labels) const {
  return loss(outputs, labels, torch::Reduction::Mean);
}

Tensor TaskObjective::summed_loss(const Tensor& outputs,
                                  const Tensor& labels) const {
  const Tensor sum = loss(outputs, labels, torch::Reduction::Sum);
  if (labels.dim() == 1) return sum;
  // A sample's loss is the mean over its steps, or its labels.
  return sum / static_cast<double>(labels.size(1));
}

Tensor TaskObjective::summed_f(const Tensor& outputs,
                               const Tensor& labels) const {
  switch (task_) {
    case Task::classification:
      return -torch::nll_loss(outputs, labels, {}, torch::Reduction::Sum);
    case Task::sequence:
      return -torch::nll_loss(outputs.flatten(0, 1), labels.flatten(), {},
                              torch::Reduction::Sum);
    case Task::multilabel:
      return (outputs * labels.to(outputs.scalar_type())).sum();
    case Task::regression:
      return outputs.sum();
  }
  return {};
}

double TaskObjective::score(const Tensor& outputs, const Tensor& labels) const {
  switch (task_) {
    case Task::classification:
    case Task::sequence:
      return (outputs.argmax(-1) == labels).sum().item<double>();
    case Task::multilabel:
      return ((outputs > 0) == (labels > 0.5)).sum().item<double>();
    case Task::regression:
      return (outputs.squeeze(1) - labels)
          .to(torch::kDouble)
          .square()
          .sum()
          .item<double>();
  }
  return kNone;
}

double TaskObjective::label_entropy(const Tensor& labels) const {
  switch (task_) {
    case Task::classification:
    case Task::sequence:
      return entropy(torch::bincount(labels.flatten()).to(torch::kDouble) /
                     static_cast<double>(labels.numel()));
    case Task::multilabel: {
      const Tensor on = labels.to(torch::kDouble).mean(0);
      return (entropy(on) + entropy(1 - on)) /
             static_cast<double>(labels.size(1));
    }
    case Task::regression:
      return kNone;
  }
  return kNone;
}

double TaskObjective::output_spread(const Tensor& outputs) const {
  if (task_ == Task::regression) return kNone;
  return outputs.to(torch::kDouble)
      .std(-1, /*unbiased=*/false)
      .mean()
      .item<double>();
}

}  // namespace cape::trainer
