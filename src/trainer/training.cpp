#include "trainer/training.h"

#include <string_view>

#include "core/error.h"
#include "trainer/objective.h"

namespace cape::trainer {

namespace {

/// The gradients of `loss` in the parameters. Throws Error where the network
/// has kept a part of the graph of its last step: a network of one's own can.
void backward(const torch::Tensor& loss) {
  try {
    loss.backward();
  } catch (const c10::Error& error) {
    const std::string_view what = error.what_without_backtrace();
    const auto says = [&](std::string_view text) {
      return what.find(text) != std::string_view::npos;
    };
    if (!says("backward through the graph a second time") &&
        !says("modified by an inplace operation")) {
      throw;
    }
    fail(
        "the network keeps a tensor from one call to the next with the history "
        "of its gradient, or changes one in place that the gradient needs; "
        "keep TENSOR.detach() or a copy ({})",
        what.substr(0, what.find('\n')));
  }
}

// PyTorch's defaults, as in the published protocol.
constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEps = 1e-8;

}  // namespace

Training::Training(models::Model& model, const trial::Optimizer& optimizer,
                   double learning_rate)
    : model_(model), optimizer_(optimizer), learning_rate_(learning_rate) {
  model_.train();
  for (const torch::Tensor& parameter : model_.parameters()) {
    if (parameter.requires_grad()) parameters_.push_back(parameter);
  }
}

torch::Tensor Training::loss(const TrialBatch& batch) {
  loss_ = TaskObjective(batch.task)
              .mean_loss(model_.forward(batch.inputs), batch.labels);
  return loss_.detach();
}

void Training::update() {
  // Fresh gradients are taken over as they are; zeroed ones would be added to.
  for (torch::Tensor& parameter : parameters_) parameter.mutable_grad().reset();
  backward(loss_);
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
  std::visit([&](const auto& optimizer) { apply(optimizer, gradients); },
             optimizer_);
}

/// The moments and step counts of Adam, all zero.
void Training::start_moments() {
  if (!steps_.empty()) return;
  for (const torch::Tensor& parameter : parameters_) {
    first_moments_.push_back(torch::zeros_like(parameter));
    second_moments_.push_back(torch::zeros_like(parameter));
    steps_.push_back(
        torch::zeros({}, parameter.options().dtype(torch::kFloat)));
  }
}

void Training::apply(const trial::AdamW& adamw, const Tensors& gradients) {
  start_moments();
  torch::_foreach_add_(steps_, 1);
  torch::_fused_adamw_(parameters_, gradients, first_moments_, second_moments_,
                       /*max_exp_avg_sqs=*/{}, steps_, learning_rate_, kBeta1,
                       kBeta2, adamw.weight_decay, kEps, /*amsgrad=*/false,
                       /*maximize=*/false);
}

void Training::apply(const trial::Adam& adam, const Tensors& gradients) {
  start_moments();
  torch::_foreach_add_(steps_, 1);
  torch::_fused_adam_(parameters_, gradients, first_moments_, second_moments_,
                      /*max_exp_avg_sqs=*/{}, steps_, learning_rate_, kBeta1,
                      kBeta2, adam.weight_decay, kEps, /*amsgrad=*/false,
                      /*maximize=*/false);
}

void Training::apply(const trial::Sgd& sgd, const Tensors& gradients) {
  // The first update of the momentum is the gradient itself.
  const bool is_first = first_moments_.empty();
  if (is_first && sgd.momentum > 0) {
    for (const torch::Tensor& parameter : parameters_) {
      first_moments_.push_back(torch::empty_like(parameter));
    }
  }
  torch::_fused_sgd_(parameters_, gradients, first_moments_, sgd.weight_decay,
                     sgd.momentum, learning_rate_, /*dampening=*/0,
                     sgd.nesterov, /*maximize=*/false, is_first);
}

}  // namespace cape::trainer
