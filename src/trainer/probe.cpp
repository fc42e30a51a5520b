#include "trainer/probe.h"

#include <memory>
#include <utility>
#include <vector>

#include "models/sample_norms.h"

namespace cape {
namespace {

/// Evaluation mode while it lives, then every module's own mode again.
class EvaluationMode {
 public:
  explicit EvaluationMode(torch::nn::Module& model) {
    for (const auto& module : model.modules()) {
      modes_.emplace_back(module, module->is_training());
    }
    model.eval();
  }
  ~EvaluationMode() {
    // From the root down: train() reaches the children too.
    for (const auto& [module, training] : modes_) module->train(training);
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  std::vector<std::pair<std::shared_ptr<torch::nn::Module>, bool>> modes_;
};

std::vector<torch::Tensor> trainable_parameters(
    const torch::nn::Module& model) {
  std::vector<torch::Tensor> parameters;
  for (const torch::Tensor& parameter : model.parameters()) {
    if (parameter.requires_grad()) parameters.push_back(parameter);
  }
  return parameters;
}

/// || d value / d parameters ||^2. A parameter that `value` does not depend on
/// adds nothing. The graph stays for another gradient.
double squared_gradient_norm(const torch::Tensor& value,
                             const std::vector<torch::Tensor>& parameters) {
  const auto gradients = torch::autograd::grad(
      {value}, parameters, /*grad_outputs=*/{}, /*retain_graph=*/true,
      /*create_graph=*/false, /*allow_unused=*/true);
  double sum = 0;
  for (const torch::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    const double norm = gradient.norm(2, torch::kDouble).item<double>();
    sum += norm * norm;
  }
  return sum;
}

}  // namespace

ProbeResult probe_by_loop(models::Model& model, const torch::Tensor& inputs,
                          const torch::Tensor& labels) {
  const EvaluationMode evaluation_mode(model);
  const std::vector<torch::Tensor> parameters = trainable_parameters(model);
  const std::int64_t samples = inputs.size(0);
  ProbeResult sum;
  for (std::int64_t i = 0; i < samples; ++i) {
    const torch::Tensor label = labels.narrow(0, i, 1);
    const torch::Tensor logits = model.forward(inputs.narrow(0, i, 1));
    const torch::Tensor loss = torch::cross_entropy_loss(logits, label);
    const torch::Tensor true_logit = -torch::nll_loss(logits, label);
    sum.g2 += squared_gradient_norm(loss, parameters);
    sum.tau += squared_gradient_norm(true_logit, parameters);
  }
  const auto count = static_cast<double>(samples);
  return {.g2 = sum.g2 / count, .tau = sum.tau / count};
}

ProbeResult probe(models::Model& model, const torch::Tensor& inputs,
                  const torch::Tensor& labels) {
  const EvaluationMode evaluation_mode(model);
  const models::ProbeRecording recording(model);
  const torch::Tensor logits = model.forward(inputs);
  const torch::Tensor loss =
      torch::cross_entropy_loss(logits, labels, {}, torch::Reduction::Sum);
  const torch::Tensor true_logits =
      -torch::nll_loss(logits, labels, {}, torch::Reduction::Sum);
  // What comes before the first trainable layer has no gradient.
  std::vector<models::Recording> recordings;
  std::vector<torch::Tensor> outputs;
  for (const models::Recording& use : recording.recordings()) {
    if (!use.output.requires_grad()) continue;
    recordings.push_back(use);
    outputs.push_back(use.output);
  }
  const auto gradients_of = [&](const torch::Tensor& value) {
    return torch::autograd::grad({value}, outputs, /*grad_outputs=*/{},
                                 /*retain_graph=*/true, /*create_graph=*/false,
                                 /*allow_unused=*/true);
  };
  const torch::Tensor norms =
      models::sample_squared_norms(
          recordings, {gradients_of(loss), gradients_of(true_logits)})
          .mean(1);
  return {.g2 = norms[0].item<double>(), .tau = norms[1].item<double>()};
}

}  // namespace cape
