#include "trainer/training.h"

#include <utility>

#include "trainer/objective.h"

namespace cape {

Training::Training(models::Model& model, TrialBatch batch, double learning_rate,
                   double weight_decay)
    : model_(model),
      batch_(std::move(batch)),
      learning_rate_(learning_rate),
      weight_decay_(weight_decay) {
  model_.train();
  for (const torch::Tensor& parameter : model_.parameters()) {
    if (!parameter.requires_grad()) continue;
    parameters_.push_back(parameter);
    first_moments_.push_back(torch::zeros_like(parameter));
    second_moments_.push_back(torch::zeros_like(parameter));
    steps_.push_back(
        torch::zeros({}, parameter.options().dtype(torch::kFloat)));
  }
}

torch::Tensor Training::loss() {
  loss_ = Objective(batch_.task)
              .mean_loss(model_.forward(batch_.inputs), batch_.labels);
  return loss_.detach();
}

void Training::update() {
  // Fresh gradients are taken over as they are; zeroed ones would be added to.
  for (torch::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
  loss_.backward();
  loss_.reset();
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients;
  gradients.reserve(parameters_.size());
  for (const torch::Tensor& parameter : parameters_) {
    // The update goes through memory, so all of a parameter's tensors must be
    // laid out alike.
    gradients.push_back(
        parameter.grad().defined()
            ? parameter.grad().contiguous(parameter.suggest_memory_format())
            : torch::zeros_like(parameter));
  }
  torch::_foreach_add_(steps_, 1);
  torch::_fused_adamw_(parameters_, gradients, first_moments_, second_moments_,
                       /*max_exp_avg_sqs=*/{}, steps_, learning_rate_,
                       /*beta1=*/0.9, /*beta2=*/0.999, weight_decay_,
                       /*eps=*/1e-8, /*amsgrad=*/false, /*maximize=*/false);
}

}  // namespace cape
