#include "trainer/probe.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "models/sample_norms.h"
#include "trainer/in_order.h"
#include "trainer/objective.h"

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

/// Gives parameters their values back, to the bit. Under a NoGradGuard.
class Restored {
 public:
  explicit Restored(std::vector<torch::Tensor> parameters)
      : parameters_(std::move(parameters)) {
    for (const torch::Tensor& parameter : parameters_) {
      originals_.push_back(parameter.clone());
    }
  }
  ~Restored() {
    for (std::size_t p = 0; p < parameters_.size(); ++p) {
      parameters_[p].copy_(originals_[p]);
    }
  }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;

  const torch::Tensor& original(std::size_t p) const { return originals_[p]; }

 private:
  std::vector<torch::Tensor> parameters_, originals_;
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

/// What is probed: a batch, and what is asked of the network there.
struct Question {
  const torch::Tensor& inputs;
  const torch::Tensor& labels;
  const Objective objective;
};

/// Sums over the samples.
struct Norms {
  double g2 = 0;
  double tau = 0;
};

/// Each sample on its own.
Norms norms_by_loop(models::Model& model, const Question& question) {
  const std::vector<torch::Tensor> parameters = trainable_parameters(model);
  Norms sum;
  for (std::int64_t i = 0; i < question.inputs.size(0); ++i) {
    const torch::Tensor label = question.labels.narrow(0, i, 1);
    const torch::Tensor logits = model.forward(question.inputs.narrow(0, i, 1));
    sum.g2 += squared_gradient_norm(question.objective.mean_loss(logits, label),
                                    parameters);
    sum.tau += squared_gradient_norm(question.objective.summed_f(logits, label),
                                     parameters);
  }
  return sum;
}

/// A recorded forward pass over the batch; loss and f are sums over the
/// samples.
struct Pass {
  torch::Tensor logits, loss, f;
  /// Of the layers from the first trainable one on: what comes before has no
  /// gradient.
  std::vector<models::Recording> recordings;
  std::vector<torch::Tensor> outputs;
};

Pass forward(models::Model& model, const Question& question) {
  const models::ProbeRecording recording;
  Pass pass;
  pass.logits = model.forward(question.inputs);
  pass.loss = question.objective.summed_loss(pass.logits, question.labels);
  pass.f = question.objective.summed_f(pass.logits, question.labels);
  for (const models::Recording& use : recording.recordings()) {
    if (!use.output.requires_grad()) continue;
    pass.recordings.push_back(use);
    pass.outputs.push_back(use.output);
  }
  return pass;
}

/// With respect to `outputs` and then `parameters`; undefined where `value`
/// does not depend on one.
std::vector<torch::Tensor> gradients(
    const torch::Tensor& value, std::vector<torch::Tensor> outputs,
    const std::vector<torch::Tensor>& parameters) {
  outputs.insert(outputs.end(), parameters.begin(), parameters.end());
  return torch::autograd::grad({value}, outputs, /*grad_outputs=*/{},
                               /*retain_graph=*/true, /*create_graph=*/false,
                               /*allow_unused=*/true);
}

/// What some of the samples, or all, give.
struct Sums {
  torch::Tensor norms;  ///< g2 and tau, times the samples
  std::vector<torch::Tensor> logits;
  std::vector<torch::Tensor> gradients;  ///< of the losses' sum

  void add(const Sums& part) {
    logits.insert(logits.end(), part.logits.begin(), part.logits.end());
    if (!norms.defined()) {
      norms = part.norms;
      gradients = part.gradients;
      return;
    }
    norms += part.norms;
    for (std::size_t p = 0; p < gradients.size(); ++p) {
      if (!part.gradients[p].defined()) continue;
      gradients[p] = gradients[p].defined() ? gradients[p] + part.gradients[p]
                                            : part.gradients[p];
    }
  }
};

/// `parameters`: whose gradients are wanted.
Sums part(models::Model& model, const Question& question,
          const std::vector<torch::Tensor>& parameters) {
  const Pass pass = forward(model, question);
  std::vector<torch::Tensor> of_loss =
      gradients(pass.loss, pass.outputs, parameters);
  const std::vector<torch::Tensor> of_parameters(
      of_loss.begin() + std::ssize(pass.outputs), of_loss.end());
  of_loss.resize(pass.outputs.size());
  const torch::Tensor norms = models::sample_squared_norms(
      pass.recordings,
      {std::move(of_loss), gradients(pass.f, pass.outputs, {})});
  return {norms.sum(1), {pass.logits.detach()}, of_parameters};
}

/// The same of a network that records nothing: a loop over the samples.
Sums part_by_loop(models::Model& model, const Question& question,
                  const std::vector<torch::Tensor>& parameters) {
  const Pass pass = forward(model, question);
  const Norms norms = norms_by_loop(model, question);
  return {
      torch::tensor({norms.g2, norms.tau}, torch::kDouble),
      {pass.logits.detach()},
      parameters.empty() ? parameters : gradients(pass.loss, {}, parameters)};
}

double mean_loss(const torch::Tensor& logits, const Question& question) {
  return question.objective.mean_loss(logits, question.labels).item<double>();
}

/// All but the line; `gradients` are of the sum of the losses.
ExtendedProbe extended(const torch::Tensor& logits, const Question& question,
                       const std::vector<torch::Tensor>& gradients) {
  const auto samples = static_cast<double>(question.inputs.size(0));
  ExtendedProbe probe;
  probe.loss = mean_loss(logits, question);
  for (const torch::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    const double norm = gradient.norm(2, torch::kDouble).item<double>();
    probe.mean_gradient2 += norm / samples * (norm / samples);
  }
  probe.label_entropy = question.objective.label_entropy(question.labels);
  probe.logit_spread = question.objective.output_spread(logits);
  return probe;
}

/// Of fewer samples reading the weights takes longer than the arithmetic, and
/// every part has gradients of them.
constexpr std::int64_t kFewestSamples = 16;

/// consume(ask(part)) for each part of the batch, in order: as many samples as
/// the model takes at a time, or fewer, so that threads share them.
template <class Ask, class Consume>
void by_parts(const models::Model& model, const Question& question,
              const Ask& ask, const Consume& consume) {
  const std::int64_t samples = question.inputs.size(0);
  // A GPU is busy with one part, and only our own networks are known not to
  // change in a forward pass.
  const std::int64_t workers =
      question.inputs.is_cpu() && model.records_probes() ? at::get_num_threads()
                                                         : 1;
  const std::int64_t share =
      std::max((samples + workers - 1) / workers, kFewestSamples);
  const std::int64_t most = std::min({model.samples_a_probe(), share, samples});
  in_order(
      (samples + most - 1) / most, workers,
      [&](std::int64_t i) {
        const std::int64_t first = i * most;
        const std::int64_t count = std::min(most, samples - first);
        const torch::Tensor inputs = question.inputs.narrow(0, first, count);
        const torch::Tensor labels = question.labels.narrow(0, first, count);
        return ask(Question{inputs, labels, question.objective});
      },
      consume);
}

/// Of the whole batch, in parts for the sake of threads alone.
torch::Tensor logits(models::Model& model, const Question& question) {
  if (!question.inputs.is_cpu()) return model.forward(question.inputs);
  std::vector<torch::Tensor> all;
  by_parts(
      model, question,
      [&](const Question& part) {
        const torch::NoGradGuard no_grad;
        return model.forward(part.inputs);
      },
      [&](const torch::Tensor& of_part) { all.push_back(of_part); });
  return torch::cat(all);
}

/// Losses at theta - k learning_rate sign(gradient), relative to `loss`.
std::array<double, 3> line(models::Model& model, const Question& question,
                           const std::vector<torch::Tensor>& parameters,
                           const std::vector<torch::Tensor>& gradients,
                           double learning_rate, double loss) {
  const Restored restored(parameters);
  std::vector<torch::Tensor> signs;
  for (const torch::Tensor& gradient : gradients) {
    signs.push_back(gradient.defined() ? gradient.sign() : gradient);
  }
  std::array<double, 3> ratios{};
  for (std::size_t k = 0; k < ratios.size(); ++k) {
    const double step = ExtendedProbe::kLineSteps[k] * learning_rate;
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      if (!signs[p].defined()) continue;
      torch::Tensor parameter = parameters[p];
      torch::sub_out(parameter, restored.original(p), signs[p], step);
    }
    ratios[k] = mean_loss(logits(model, question), question) / loss;
  }
  return ratios;
}

}  // namespace

ProbeResult probe_by_loop(models::Model& model, const torch::Tensor& inputs,
                          const torch::Tensor& labels, datasets::Task task) {
  const EvaluationMode evaluation_mode(model);
  const Norms sum = norms_by_loop(model, {inputs, labels, Objective(task)});
  const auto count = static_cast<double>(inputs.size(0));
  return {.g2 = sum.g2 / count, .tau = sum.tau / count, .extended = {}};
}

ProbeResult probe(models::Model& model, const torch::Tensor& inputs,
                  const torch::Tensor& labels,
                  std::optional<double> learning_rate, datasets::Task task) {
  const EvaluationMode evaluation_mode(model);
  const std::vector<torch::Tensor> parameters = trainable_parameters(model);
  const Question question{inputs, labels, Objective(task)};
  const auto of_part = model.records_probes() ? part : part_by_loop;
  Sums sums;
  by_parts(
      model, question,
      [&](const Question& some) {
        return of_part(
            model, some,
            learning_rate ? parameters : std::vector<torch::Tensor>());
      },
      [&](const Sums& of_some) { sums.add(of_some); });
  const auto count = static_cast<double>(inputs.size(0));
  ProbeResult result{.g2 = sums.norms[0].item<double>() / count,
                     .tau = sums.norms[1].item<double>() / count,
                     .extended = {}};
  if (learning_rate) {
    const torch::NoGradGuard no_grad;
    result.extended =
        extended(torch::cat(sums.logits), question, sums.gradients);
    result.extended->line = line(model, question, parameters, sums.gradients,
                                 *learning_rate, result.extended->loss);
  }
  return result;
}

}  // namespace cape
