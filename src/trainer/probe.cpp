#include "trainer/probe.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "models/sample_norms.h"
#include "trainer/batch_features.h"
#include "trainer/network_features.h"
#include "trainer/objective.h"
#include "trainer/parallel_ordered.h"
#include "trainer/probe_state.h"
#include "trainer/training_mode_probe.h"

namespace cape::trainer {
namespace {

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

/// Each sample by itself, and of the same untrained network.
Norms norms_by_loop(models::Model& model, const LabelledBatch& batch) {
  const std::vector<torch::Tensor> parameters = trainable_parameters(model);
  const AtEnd state = keep_state(model);
  Norms sum;
  for (std::int64_t i = 0; i < batch.inputs.size(0); ++i) {
    state.call();
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
  Pass pass;
  {
    const AtEnd state = keep_state(model);
    pass = forward(model, batch);
  }
  const Norms norms = norms_by_loop(model, batch);
  return {
      torch::tensor({norms.g2, norms.tau}, torch::kDouble),
      {pass.logits.detach()},
      parameters.empty() ? parameters : gradients(pass.loss, {}, parameters)};
}

double mean_loss(const torch::Tensor& logits, const LabelledBatch& batch) {
  return batch.objective.mean_loss(logits, batch.labels).item<double>();
}

/// With fewer samples per micro-batch, reading the weights takes longer than
/// the arithmetic, and every micro-batch has gradients of all weights.
constexpr std::int64_t kFewestOfMicroBatch = 16;

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
      std::max((samples + workers - 1) / workers, kFewestOfMicroBatch);
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

/// What evaluation mode gives, and what the same gradient gives of training
/// mode where both are one network without dropout.
trial::ExtendedProbe extended(models::Model& model, const LabelledBatch& batch,
                              const Sums& sums,
                              const trial::Optimizer& optimizer,
                              double learning_rate) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor outputs = torch::cat(sums.logits);
  const LossWithGradient start = {
      .loss = mean_loss(outputs, batch),
      .gradients = sums.gradients,
      .divisor = static_cast<double>(batch.inputs.size(0))};
  trial::ExtendedProbe probe;
  probe.loss = start.loss;
  probe.mean_g2 = start.squared_norm();
  probe.label_entropy = batch.objective.label_entropy(batch.labels);
  probe.logit_spread = batch.objective.output_spread(outputs);
  // Our own networks differ between the modes in BatchNorm and dropout alone.
  if (model.records_probes() && !has_batch_norm(model)) {
    probe.training_mode = probe_by_evaluation(
        model, start, optimizer, learning_rate,
        [&] { return mean_loss(logits(model, batch), batch); });
  }
  probe.network = network_features(model, outputs.size(-1));
  return probe;
}

/// Missing where something else than dropout draws random numbers, and where
/// there is no training mode. Leaves the network in some mode.
double dropout_rate(models::Model& model, const torch::Tensor& inputs) {
  constexpr double kMissing = trial::NetworkFeatures::kMissing;
  if (!has_training_mode(model, inputs.size(0))) return kMissing;
  const torch::NoGradGuard no_grad;
  const RandomState random_state(inputs.device());
  const AtEnd state = keep_state(model);
  const std::optional<double> rate = model.dropout_rate(inputs);
  return rate.value_or(random_state.has_advanced() ? kMissing : 0);
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
                         datasets::Task task,
                         const trial::Optimizer& optimizer) {
  // A network of one's own may draw and count in evaluation mode too.
  const RandomState random_state(inputs.device());
  const AtEnd restore(model.remember_state());
  const EvaluationMode evaluation_mode(model);
  const LabelledBatch batch{inputs, labels, TaskObjective(task)};
  const std::vector<torch::Tensor> parameters =
      learning_rate ? trainable_parameters(model)
                    : std::vector<torch::Tensor>();
  const auto sum =
      model.records_probes() ? sum_micro_batch : sum_micro_batch_by_loop;
  Sums sums;
  for_each_micro_batch(
      model, batch,
      [&](const LabelledBatch& micro_batch) {
        return sum(model, micro_batch, parameters);
      },
      [&](const Sums& sums_of_one) { sums.add(sums_of_one); });
  const auto count = static_cast<double>(inputs.size(0));
  trial::ProbeResult result{.g2 = sums.norms[0].item<double>() / count,
                            .tau = sums.norms[1].item<double>() / count,
                            .extended = {}};
  if (!learning_rate) return result;
  result.extended = extended(model, batch, sums, optimizer, *learning_rate);
  result.extended->batch = batch_features(inputs, labels, task);
  if (!model.records_probes() || has_batch_norm(model)) {
    result.extended->training_mode = probe_in_training_mode(
        model, {inputs, labels, task}, optimizer, *learning_rate);
  }
  result.extended->dropout_rate = dropout_rate(model, inputs);
  return result;
}

}  // namespace cape::trainer
