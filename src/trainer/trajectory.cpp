#include "trainer/trajectory.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "core/overloaded.h"
#include "datasets/variant.h"
#include "models/build.h"
#include "trainer/probe.h"
#include "trainer/training.h"
#include "trial/stopping_rule.h"

namespace cape::trainer {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

/// Gives the losses to `rule` until it can decide; later losses are ignored.
/// Returns true when the rule needs more losses.
bool observe_losses(trial::StoppingRule& rule,
                    const std::vector<torch::Tensor>& losses) {
  const torch::Tensor values = torch::stack(losses).to(torch::kDouble).cpu();
  const double* const first = values.const_data_ptr<double>();
  return std::all_of(first, first + values.numel(),
                     [&](double loss) { return rule.observe(loss); });
}

/// Trains until `rule` has seen enough; the mean wall seconds of an update, NaN
/// without one.
double train(Training& training, trial::StoppingRule& rule,
             int losses_per_sync) {
  std::vector<torch::Tensor> unseen;
  // The first steps set things up: the clock starts at the first look, unless
  // that is the last one too.
  Clock::time_point start = Clock::now();
  std::int64_t updates_before = 0;
  for (std::int64_t updates = 0;; ++updates) {
    unseen.push_back(training.loss());
    if (std::ssize(unseen) == losses_per_sync) {
      if (!observe_losses(rule, unseen)) {
        if (updates == 0) return std::numeric_limits<double>::quiet_NaN();
        return seconds_between(start, Clock::now()) /
               static_cast<double>(updates - updates_before);
      }
      unseen.clear();
      if (updates_before == 0) {
        start = Clock::now();
        updates_before = updates;
      }
    }
    training.update();
  }
}

/// What a training gave.
struct Trained {
  std::vector<float> losses;
  std::vector<trial::CriterionResult> outcomes;
  double step_seconds = std::numeric_limits<double>::quiet_NaN();
};

Trained train(Training& training, const trial::BatchSteps& settings,
              const trial::TrialTask& task, int losses_per_sync) {
  trial::StoppingRule rule(settings, task.criteria);
  const double step_seconds = train(training, rule, losses_per_sync);
  return {.losses = {rule.losses().begin(), rule.losses().end()},
          .outcomes = rule.results(),
          .step_seconds = step_seconds};
}

/// Seconds of a step that one timing is enough for.
constexpr double kLongStep = 0.1;

/// The mean of `steps` steps, or one that is long, after a first, which also
/// sets things up: on fresh memory it takes up to a third longer. Without steps
/// the initial loss alone.
Trained time_steps(Training& training, std::int64_t steps) {
  if (steps == 0) {
    return {.losses = {training.loss().item<float>()}, .outcomes = {}};
  }
  const auto step = [&training] {
    const torch::Tensor loss = training.loss();
    training.update();
    return loss;
  };
  // item() waits for a GPU, for the update too.
  Clock::time_point start = Clock::now();
  const auto initial_loss = step().item<float>();
  if (seconds_between(start, Clock::now()) > kLongStep) steps = 1;
  start = Clock::now();
  for (std::int64_t i = 1; i < steps; ++i) (void)step();
  (void)step().item<float>();
  return {.losses = {initial_loss},
          .outcomes = {},
          .step_seconds = seconds_between(start, Clock::now()) /
                          static_cast<double>(steps)};
}

}  // namespace

TrialBatch draw_batch(const trial::TrialTask& task,
                      const datasets::Dataset& dataset,
                      const torch::Device& device) {
  const zoo::InputForm form = zoo::input_form(task.architecture);
  datasets::Batch batch = datasets::draw_batch(
      dataset, task.dataset.variant, task.batch_size,
      {.rgb32 = form.rgb32, .standardise = form.standardise}, task.seed);
  // Copies: from_blob does not own what it is given.
  const auto inputs =
      torch::from_blob(batch.inputs.data(), batch.shape).clone();
  torch::Tensor labels = batch.targets.empty() ? torch::tensor(batch.labels)
                                               : torch::tensor(batch.targets);
  const datasets::Task kind = dataset.info.task;
  if (kind == datasets::Task::sequence || kind == datasets::Task::multilabel) {
    labels = labels.view({task.batch_size, -1});
  }
  return {inputs.to(device), labels.to(device), kind};
}

int losses_per_sync(const torch::Device& device) {
  return device.is_cuda() ? 16 : 1;
}

trial::TrialResult run_trajectory(const trial::TrialTask& task,
                                  const datasets::Dataset& dataset,
                                  const torch::Device& device,
                                  int losses_per_sync) {
  const TrialBatch batch = draw_batch(task, dataset, device);
  torch::manual_seed(task.seed);
  const datasets::DatasetInfo info =
      datasets::varied(dataset.info, task.dataset.variant);
  const auto model =
      models::build(task.architecture, info.shape, trial::head_of(info));
  model->to(device);

  const Clock::time_point start = Clock::now();
  const trial::ProbeResult probed = probe(
      *model, batch.inputs, batch.labels,
      task.probe.extended ? std::optional(task.learning_rate) : std::nullopt,
      batch.task, task.optimizer);
  const double probe_seconds = seconds_between(start, Clock::now());

  Training training(*model, batch, task.optimizer, task.learning_rate);
  Trained trained =
      task.timed_steps
          ? time_steps(training, *task.timed_steps)
          : std::visit(Overloaded{[&](const trial::BatchSteps& settings) {
                         return train(training, settings, task,
                                      losses_per_sync);
                       }},
                       task.target);
  return {.trajectory = task.trajectory,
          .parameters = models::parameter_count(*model),
          .probe = probed,
          .initial_loss = trained.losses.front(),
          .outcomes = std::move(trained.outcomes),
          .probe_seconds = probe_seconds,
          .step_seconds = trained.step_seconds,
          .device = device.str(),
          .threads = at::get_num_threads(),
          .losses = std::move(trained.losses)};
}

}  // namespace cape::trainer
