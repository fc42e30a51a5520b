#include "trainer/training_mode_probe.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/overloaded.h"
#include "trainer/objective.h"
#include "trainer/probe_state.h"

namespace cape::trainer {
namespace {

using trial::TrainingModeProbe;

double if_finite(double value) {
  return std::isfinite(value) ? value : TrainingModeProbe::kMissing;
}

std::vector<torch::Tensor> signs(const std::vector<torch::Tensor>& gradients) {
  std::vector<torch::Tensor> all;
  for (const torch::Tensor& gradient : gradients) {
    all.push_back(gradient.defined() ? gradient.sign() : gradient);
  }
  return all;
}

/// The first step of the optimizer without weight decay and momentum: the
/// weights minus the learning rate times `factor` times these tensors.
struct FirstStep {
  std::vector<torch::Tensor> direction;
  double factor = 1;
};

FirstStep first_step(const LossWithGradient& start,
                     const trial::Optimizer& optimizer) {
  // Adam divides a gradient by its own absolute value.
  const auto of_adam = [&] { return FirstStep{signs(start.gradients), 1}; };
  return std::visit(
      Overloaded{[&](const trial::AdamW&) { return of_adam(); },
                 [&](const trial::Adam&) { return of_adam(); },
                 [&](const trial::Sgd&) {
                   return FirstStep{start.gradients, 1 / start.divisor};
                 }},
      optimizer);
}

/// The loss and its norms, and the losses after steps relative to it.
TrainingModeProbe measure(const std::vector<torch::Tensor>& parameters,
                          const LossWithGradient& start,
                          const trial::Optimizer& optimizer,
                          double learning_rate,
                          const std::function<double()>& loss) {
  TrainingModeProbe probe;
  probe.loss = if_finite(start.loss);
  probe.mean_g2 = if_finite(start.squared_norm());
  probe.gradient_l1 = if_finite(start.l1_norm());
  FirstStep step = first_step(start, optimizer);
  WeightLine line(parameters, std::move(step.direction));
  for (std::size_t k = 0; k < probe.step_losses.size(); ++k) {
    line.move_to(TrainingModeProbe::kStepSizes[k] * learning_rate *
                 step.factor);
    probe.step_losses[k] = if_finite(loss() / start.loss);
  }
  return probe;
}

}  // namespace

double LossWithGradient::squared_norm() const {
  double sum = 0;
  for (const torch::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    const double norm = gradient.norm(2, torch::kDouble).item<double>();
    sum += norm / divisor * (norm / divisor);
  }
  return sum;
}

double LossWithGradient::l1_norm() const {
  double sum = 0;
  for (const torch::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    sum += gradient.norm(1, torch::kDouble).item<double>() / divisor;
  }
  return sum;
}

std::vector<torch::Tensor> trainable_parameters(
    const torch::nn::Module& model) {
  std::vector<torch::Tensor> parameters;
  for (const torch::Tensor& parameter : model.parameters()) {
    if (parameter.requires_grad()) parameters.push_back(parameter);
  }
  return parameters;
}

bool has_batch_norm(const torch::nn::Module& model) {
  const auto buffers = model.named_buffers();
  return std::any_of(buffers.begin(), buffers.end(), [](const auto& buffer) {
    return buffer.key().ends_with("running_mean");
  });
}

bool has_training_mode(const torch::nn::Module& model, std::int64_t samples) {
  return samples > 1 || !has_batch_norm(model);
}

TrainingModeProbe probe_in_training_mode(models::Model& model,
                                         const TrialBatch& batch,
                                         const trial::Optimizer& optimizer,
                                         double learning_rate) {
  if (!has_training_mode(model, batch.inputs.size(0))) return {};
  const RandomState random_state(batch.inputs.device());
  model.train_without_dropout();
  const AtEnd state = keep_state(model);
  const TaskObjective objective(batch.task);
  const auto loss = [&] {
    state.call();
    // Dropout that stays on has the same masks each time.
    random_state.rewind();
    return objective.mean_loss(model.forward(batch.inputs), batch.labels);
  };
  const std::vector<torch::Tensor> parameters = trainable_parameters(model);
  LossWithGradient start;
  bool draws = false;
  {
    const torch::AutoGradMode grad(true);
    const torch::Tensor mean = loss();
    draws = random_state.has_advanced();
    start.loss = mean.item<double>();
    start.gradients = torch::autograd::grad(
        {mean}, parameters, /*grad_outputs=*/{}, /*retain_graph=*/std::nullopt,
        /*create_graph=*/false, /*allow_unused=*/true);
  }
  const torch::NoGradGuard no_grad;
  TrainingModeProbe probe = measure(parameters, start, optimizer, learning_rate,
                                    [&] { return loss().item<double>(); });
  probe.dropout = draws ? 1 : 0;
  return probe;
}

TrainingModeProbe probe_by_evaluation(models::Model& model,
                                      const LossWithGradient& start,
                                      const trial::Optimizer& optimizer,
                                      double learning_rate,
                                      const std::function<double()>& loss) {
  const torch::NoGradGuard no_grad;
  TrainingModeProbe probe = measure(trainable_parameters(model), start,
                                    optimizer, learning_rate, loss);
  probe.dropout = 0;
  return probe;
}

}  // namespace cape::trainer
