#include "trainer/trajectory.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/overloaded.h"
#include "datasets/variant.h"
#include "models/build.h"
#include "trainer/probe.h"
#include "trainer/procedure.h"
#include "trainer/sample_set.h"
#include "trainer/training.h"

namespace cape::trainer {
namespace {

/// Seconds that all timed steps may take: of a longer step one is enough.
constexpr double kLongStep = 0.1;

/// The median seconds of up to `steps` steps, as many as take kLongStep
/// together, after a first, which also sets things up: on fresh memory it takes
/// up to a third longer. Other programs disturb a median less than a mean.
double time_steps(Training& training, const TrialBatch& batch,
                  std::int64_t steps) {
  const auto step_seconds = [&] {
    const Clock::time_point start = Clock::now();
    const torch::Tensor loss = training.loss(batch);
    training.update();
    (void)loss.item<float>();  // waits for a GPU, for the update too
    return seconds_since(start);
  };
  double total = step_seconds();
  std::vector<double> seconds;
  do {
    seconds.push_back(step_seconds());
    total += seconds.back();
  } while (std::ssize(seconds) < steps && total < kLongStep);
  const auto middle = seconds.begin() + std::ssize(seconds) / 2;
  std::ranges::nth_element(seconds, middle);
  return *middle;
}

std::unique_ptr<Procedure> make_procedure_of(const trial::TrialTask& task,
                                             const datasets::Dataset& dataset,
                                             const torch::Device& device,
                                             int losses_per_sync) {
  return std::visit(Overloaded{[&](const trial::BatchSteps& settings) {
                                 return make_procedure(settings, task, dataset,
                                                       device, losses_per_sync);
                               },
                               [&](const trial::FullTraining& settings) {
                                 return make_procedure(settings, task, dataset,
                                                       device);
                               }},
                    task.target);
}

Trained run(const trial::TrialTask& task, Procedure& procedure,
            models::Model& model) {
  Training training(model, task.optimizer, task.learning_rate);
  if (!task.timed_steps) return procedure.train(model, training);
  Trained looked = procedure.look(model, training);
  if (*task.timed_steps > 0) {
    looked.step_seconds =
        time_steps(training, procedure.first_batch(), *task.timed_steps);
  }
  return looked;
}

}  // namespace

datasets::BatchForm batch_form(const trial::TrialTask& task) {
  const zoo::InputForm form = zoo::input_form(task.architecture);
  return {.rgb32 = form.rgb32, .standardise = form.standardise};
}

TrialBatch draw_batch(const trial::TrialTask& task,
                      const datasets::Dataset& dataset,
                      const torch::Device& device) {
  datasets::Batch batch =
      datasets::draw_batch(dataset, task.dataset.variant, task.batch_size,
                           batch_form(task), task.seed);
  // Copies: from_blob does not own what it is given.
  const auto inputs =
      torch::from_blob(batch.inputs.data(), batch.shape).clone();
  const torch::Tensor labels =
      label_tensor(batch, dataset.info.task, task.batch_size);
  return {input_tensor(inputs, dataset.info).to(device), labels.to(device),
          dataset.info.task};
}

int losses_per_sync(const torch::Device& device) {
  return device.is_cuda() ? 16 : 1;
}

trial::TrialResult run_trajectory(const trial::TrialTask& task,
                                  const datasets::Dataset& dataset,
                                  const torch::Device& device,
                                  int losses_per_sync) {
  const auto procedure =
      make_procedure_of(task, dataset, device, losses_per_sync);
  torch::manual_seed(task.seed);
  const datasets::DatasetInfo info =
      datasets::varied(dataset.info, task.dataset.variant);
  const auto model = models::build(task.architecture, trial::sample_of(info),
                                   trial::head_of(info));
  model->to(device);

  const TrialBatch& batch = procedure->first_batch();
  const Clock::time_point start = Clock::now();
  trial::ProbeResult probed = probe(
      *model, batch.inputs, batch.labels,
      task.probe.extended ? std::optional(task.learning_rate) : std::nullopt,
      batch.task, task.optimizer);
  if (probed.extended) probed.extended->set = procedure->set_features();
  const double probe_seconds = seconds_since(start);

  Trained trained = run(task, *procedure, *model);
  return {.trajectory = task.trajectory,
          .parameters = models::parameter_count(*model),
          .probe = probed,
          .initial_loss = trained.losses.front(),
          .outcomes = std::move(trained.outcomes),
          .probe_seconds = probe_seconds,
          .step_seconds = trained.step_seconds,
          .device = device.str(),
          .threads = at::get_num_threads(),
          .losses = std::move(trained.losses),
          .validation_losses = std::move(trained.validation_losses),
          .validation_scores = std::move(trained.validation_scores),
          .evaluation_seconds = trained.evaluation_seconds,
          .notes = model->notes()};
}

}  // namespace cape::trainer
