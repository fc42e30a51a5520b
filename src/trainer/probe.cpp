#include "trainer/probe.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "models/sample_norms.h"
#include "trainer/objective.h"
#include "trainer/parallel_ordered.h"

namespace cape::trainer {
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

/// What is probed: a batch with its labels, and the loss that they define.
struct LabelledBatch {
  const torch::Tensor& inputs;
  const torch::Tensor& labels;
  const TaskObjective objective;
};

/// Sums over the samples.
struct Norms {
  double g2 = 0;
  double tau = 0;
};

/// Each sample by itself.
Norms norms_by_loop(models::Model& model, const LabelledBatch& batch) {
  const std::vector<torch::Tensor> parameters = trainable_parameters(model);
  Norms sum;
  for (std::int64_t i = 0; i < batch.inputs.size(0); ++i) {
    const torch::Tensor label = batch.labels.narrow(0, i, 1);
    const torch::Tensor logits = model.forward(batch.inputs.narrow(0, i, 1));
    sum.g2 += squared_gradient_norm(batch.objective.mean_loss(logits, label),
                                    parameters);
    sum.tau += squared_gradient_norm(batch.objective.summed_f(logits, label),
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

Pass forward(models::Model& model, const LabelledBatch& batch) {
  const models::ProbeRecording recording;
  Pass pass;
  pass.logits = model.forward(batch.inputs);
  pass.loss = batch.objective.summed_loss(pass.logits, batch.labels);
  pass.f = batch.objective.summed_f(pass.logits, batch.labels);
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

/// Sums over the samples of a micro-batch, or of the whole batch.
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
Sums sum_micro_batch(models::Model& model, const LabelledBatch& batch,
                     const std::vector<torch::Tensor>& parameters) {
  const Pass pass = forward(model, batch);
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
Sums sum_micro_batch_by_loop(models::Model& model, const LabelledBatch& batch,
                             const std::vector<torch::Tensor>& parameters) {
  const Pass pass = forward(model, batch);
  const Norms norms = norms_by_loop(model, batch);
  return {
      torch::tensor({norms.g2, norms.tau}, torch::kDouble),
      {pass.logits.detach()},
      parameters.empty() ? parameters : gradients(pass.loss, {}, parameters)};
}

double mean_loss(const torch::Tensor& logits, const LabelledBatch& batch) {
  return batch.objective.mean_loss(logits, batch.labels).item<double>();
}

/// All but the sign-step losses; `gradients` are of the sum of the losses.
trial::ExtendedProbe extended(const torch::Tensor& logits,
                              const LabelledBatch& batch,
                              const std::vector<torch::Tensor>& gradients) {
  const auto samples = static_cast<double>(batch.inputs.size(0));
  trial::ExtendedProbe probe;
  probe.loss = mean_loss(logits, batch);
  for (const torch::Tensor& gradient : gradients) {
    if (!gradient.defined()) continue;
    const double norm = gradient.norm(2, torch::kDouble).item<double>();
    probe.mean_g2 += norm / samples * (norm / samples);
  }
  probe.label_entropy = batch.objective.label_entropy(batch.labels);
  probe.logit_spread = batch.objective.output_spread(logits);
  return probe;
}

/// With fewer samples per micro-batch, reading the weights takes longer than
/// the arithmetic, and every micro-batch has gradients of all weights.
constexpr std::int64_t kFewestSamples = 16;

/// consume(evaluate(micro_batch)) for each micro-batch of the batch, in order:
/// of as many samples as the model takes at a time, or of fewer, so that all
/// threads have some.
template <class Evaluate, class Consume>
void for_each_micro_batch(const models::Model& model,
                          const LabelledBatch& batch, const Evaluate& evaluate,
                          const Consume& consume) {
  const std::int64_t samples = batch.inputs.size(0);
  // A GPU is busy with one part, and only our own networks are known not to
  // change in a forward pass.
  const std::int64_t workers = batch.inputs.is_cpu() && model.records_probes()
                                   ? at::get_num_threads()
                                   : 1;
  const std::int64_t share =
      std::max((samples + workers - 1) / workers, kFewestSamples);
  const std::int64_t most =
      std::min({model.micro_batch_size(), share, samples});
  run_parallel_ordered(
      (samples + most - 1) / most, workers,
      [&](std::int64_t i) {
        const std::int64_t first = i * most;
        const std::int64_t count = std::min(most, samples - first);
        const torch::Tensor inputs = batch.inputs.narrow(0, first, count);
        const torch::Tensor labels = batch.labels.narrow(0, first, count);
        return evaluate(LabelledBatch{inputs, labels, batch.objective});
      },
      consume);
}

/// Of the whole batch, in micro-batches so that the threads share the work.
torch::Tensor logits(models::Model& model, const LabelledBatch& batch) {
  if (!batch.inputs.is_cpu()) return model.forward(batch.inputs);
  std::vector<torch::Tensor> all;
  for_each_micro_batch(
      model, batch,
      [&](const LabelledBatch& micro_batch) {
        const torch::NoGradGuard no_grad;
        return model.forward(micro_batch.inputs);
      },
      [&](const torch::Tensor& outputs) { all.push_back(outputs); });
  return torch::cat(all);
}

/// Losses at theta - k learning_rate sign(gradient), relative to `loss`.
std::array<double, 3> sign_step_losses(
    models::Model& model, const LabelledBatch& batch,
    const std::vector<torch::Tensor>& parameters,
    const std::vector<torch::Tensor>& gradients, double learning_rate,
    double loss) {
  const Restored restored(parameters);
  std::vector<torch::Tensor> signs;
  for (const torch::Tensor& gradient : gradients) {
    signs.push_back(gradient.defined() ? gradient.sign() : gradient);
  }
  std::array<double, 3> ratios{};
  for (std::size_t k = 0; k < ratios.size(); ++k) {
    const double step = trial::ExtendedProbe::kSignStepSizes[k] * learning_rate;
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      if (!signs[p].defined()) continue;
      torch::Tensor parameter = parameters[p];
      torch::sub_out(parameter, restored.original(p), signs[p], step);
    }
    ratios[k] = mean_loss(logits(model, batch), batch) / loss;
  }
  return ratios;
}

}  // namespace

trial::ProbeResult probe_by_loop(models::Model& model,
                                 const torch::Tensor& inputs,
                                 const torch::Tensor& labels,
                                 datasets::Task task) {
  const EvaluationMode evaluation_mode(model);
  const Norms sum = norms_by_loop(model, {inputs, labels, TaskObjective(task)});
  const auto count = static_cast<double>(inputs.size(0));
  return {.g2 = sum.g2 / count, .tau = sum.tau / count, .extended = {}};
}

trial::ProbeResult probe(models::Model& model, const torch::Tensor& inputs,
                         const torch::Tensor& labels,
                         std::optional<double> learning_rate,
                         datasets::Task task) {
  const EvaluationMode evaluation_mode(model);
  const std::vector<torch::Tensor> parameters = trainable_parameters(model);
  const LabelledBatch batch{inputs, labels, TaskObjective(task)};
  const auto sum =
      model.records_probes() ? sum_micro_batch : sum_micro_batch_by_loop;
  Sums sums;
  for_each_micro_batch(
      model, batch,
      [&](const LabelledBatch& micro_batch) {
        return sum(model, micro_batch,
                   learning_rate ? parameters : std::vector<torch::Tensor>());
      },
      [&](const Sums& sums_of_one) { sums.add(sums_of_one); });
  const auto count = static_cast<double>(inputs.size(0));
  trial::ProbeResult result{.g2 = sums.norms[0].item<double>() / count,
                            .tau = sums.norms[1].item<double>() / count,
                            .extended = {}};
  if (learning_rate) {
    const torch::NoGradGuard no_grad;
    result.extended = extended(torch::cat(sums.logits), batch, sums.gradients);
    result.extended->sign_step_losses =
        sign_step_losses(model, batch, parameters, sums.gradients,
                         *learning_rate, result.extended->loss);
  }
  return result;
}

}  // namespace cape::trainer
