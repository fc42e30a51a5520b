#include "trainer/evaluation.h"

#include <algorithm>

#include "trainer/objective.h"
#include "trainer/probe_state.h"

namespace cape::trainer {
namespace {

/// Samples of a forward pass: enough for the products to be efficient, and few
/// enough for the layers' outputs to stay in memory.
constexpr std::int64_t kChunk = 256;

/// Of the labels, their squared deviations from the mean.
double total_squares(const torch::Tensor& labels) {
  const torch::Tensor numbers = labels.to(torch::kDouble);
  return (numbers - numbers.mean()).square().sum().item<double>();
}

}  // namespace

trial::Validation evaluate(models::Model& model, const SampleSet& set,
                           std::int64_t samples) {
  const torch::NoGradGuard no_grad;
  // Dropout of a user's network may stay on in evaluation mode.
  const RandomState random_state(set.device());
  const EvaluationMode evaluation_mode(model);
  const TaskObjective objective(set.task());
  double loss = 0;
  double score = 0;
  for (std::int64_t done = 0; done < samples; done += kChunk) {
    const TrialBatch batch = set.range(done, std::min(kChunk, samples - done));
    const torch::Tensor outputs = model.forward(batch.inputs);
    loss += objective.summed_loss(outputs, batch.labels).item<double>();
    score += objective.score(outputs, batch.labels);
  }
  const torch::Tensor labels = set.labels().narrow(0, 0, samples);
  return {.loss = loss / static_cast<double>(samples),
          .score = set.task() == datasets::Task::regression
                       ? 1 - score / total_squares(labels)
                       : score / static_cast<double>(labels.numel())};
}

}  // namespace cape::trainer
