#include "trainer/evaluation.h"

#include <algorithm>
#include <limits>

#include "trainer/objective.h"
#include "trainer/probe_state.h"

namespace cape::trainer {
namespace {

/// Samples of a forward pass, at most: enough for the products to be efficient,
/// and few enough for the layers' outputs to stay in memory.
constexpr std::int64_t kMostTogether = 256;

/// Calls `take` with the first `samples` of a set, in order, in parts of nearly
/// the same size.
template <class Take>
void for_each_part(const SampleSet& set, std::int64_t samples, Take take) {
  const std::int64_t parts = (samples + kMostTogether - 1) / kMostTogether;
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t first = samples * part / parts;
    take(set.range(first, samples * (part + 1) / parts - first));
  }
}

/// R^2 by the sum of the squared errors; NaN where all labels are equal.
double explained_variance(double squared_errors, const torch::Tensor& labels) {
  const torch::Tensor numbers = labels.to(torch::kDouble);
  const double total = (numbers - numbers.mean()).square().sum().item<double>();
  return total > 0 ? 1 - squared_errors / total
                   : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

trial::Validation validate(models::Model& model, const SampleSet& set) {
  const torch::NoGradGuard no_grad;
  // Dropout of a user's network may stay on in evaluation mode.
  const RandomState random_state(set.device());
  const EvaluationMode evaluation_mode(model);
  const TaskObjective objective(set.task());
  double loss = 0;
  double score = 0;
  for_each_part(set, set.size(), [&](const TrialBatch& part) {
    const torch::Tensor outputs = model.forward(part.inputs);
    loss += objective.summed_loss(outputs, part.labels).item<double>();
    score += objective.score(outputs, part.labels);
  });
  return {.loss = loss / static_cast<double>(set.size()),
          .score = set.task() == datasets::Task::regression
                       ? explained_variance(score, set.labels())
                       : score / static_cast<double>(set.labels().numel())};
}

double training_loss(models::Model& model, const SampleSet& set,
                     std::int64_t samples) {
  const torch::NoGradGuard no_grad;
  const RandomState random_state(set.device());
  const AtEnd restore_state(model.remember_state());
  const AtEnd restore_mode([&model] { model.train(); });
  model.train_without_dropout();
  const TaskObjective objective(set.task());
  double loss = 0;
  for_each_part(set, samples, [&](const TrialBatch& part) {
    loss += objective.summed_loss(model.forward(part.inputs), part.labels)
                .item<double>();
  });
  return loss / static_cast<double>(samples);
}

}  // namespace cape::trainer
