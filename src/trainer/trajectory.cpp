#include "trainer/trajectory.h"

#include <ATen/Parallel.h>

#include <chrono>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "datasets/batch.h"
#include "models/build.h"
#include "trainer/probe.h"
#include "trial/stopping_rule.h"

namespace cape {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

torch::optim::AdamW make_optimizer(const models::Model& model,
                                   const TrialTask& task) {
  const auto options = torch::optim::AdamWOptions(task.learning_rate)
                           .betas({0.9, 0.999})
                           .eps(1e-8)
                           .weight_decay(task.train.weight_decay);
  return torch::optim::AdamW(model.parameters(), options);
}

/// Trains until `rule` has seen enough; the mean wall seconds of an update.
double train(models::Model& model, const TrialBatch& batch,
             torch::optim::Optimizer& optimizer, StoppingRule& rule) {
  model.train();
  Clock::time_point first;
  for (std::int64_t updates = 0;; ++updates) {
    const torch::Tensor loss =
        torch::cross_entropy_loss(model.forward(batch.inputs), batch.labels);
    const bool more = rule.observe(loss.item<double>());
    const Clock::time_point now = Clock::now();
    if (updates == 0) first = now;
    if (!more) {
      return updates == 0
                 ? std::numeric_limits<double>::quiet_NaN()
                 : seconds_between(first, now) / static_cast<double>(updates);
    }
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
  }
}

}  // namespace

TrialBatch draw_batch(const TrialTask& task, const datasets::Dataset& dataset,
                      const torch::Device& device) {
  const std::int64_t samples = dataset.info.samples;
  if (task.batch_size < 1 || task.batch_size > samples) {
    fail("a batch of {} from the {} samples of {}", task.batch_size, samples,
         dataset.info.name);
  }
  Random random(seed_of(fmt::format("{}/batch", task.seed)));
  const zoo::InputForm form = zoo::input_form(task.architecture);
  datasets::Batch batch = datasets::make_batch(
      dataset, random.sample(samples, task.batch_size),
      {.rgb32 = form.rgb32, .standardise = form.standardise});
  // Copies: from_blob does not own what it is given.
  return {torch::from_blob(batch.inputs.data(), batch.shape).clone().to(device),
          torch::tensor(batch.labels).to(device)};
}

TrialResult run_trajectory(const TrialTask& task,
                           const datasets::Dataset& dataset,
                           const torch::Device& device) {
  if (task.train.target != "batch_steps") {
    fail("this trainer cannot measure the target '{}'", task.train.target);
  }
  const TrialBatch batch = draw_batch(task, dataset, device);
  torch::manual_seed(task.seed);
  const auto model = models::build(task.architecture, dataset.info.shape,
                                   dataset.info.classes);
  model->to(device);

  const Clock::time_point start = Clock::now();
  const ProbeResult probed = probe(*model, batch.inputs, batch.labels);
  const double probe_seconds = seconds_between(start, Clock::now());

  torch::optim::AdamW optimizer = make_optimizer(*model, task);
  StoppingRule rule(task.train, task.epsilons);
  const double step_seconds = train(*model, batch, optimizer, rule);
  return {.trajectory = task.trajectory,
          .parameters = models::parameter_count(*model),
          .probe = probed,
          .initial_loss = rule.losses().front(),
          .epsilons = rule.results(),
          .probe_seconds = probe_seconds,
          .step_seconds = step_seconds,
          .device = device.str(),
          .threads = at::get_num_threads(),
          .losses = {rule.losses().begin(), rule.losses().end()}};
}

}  // namespace cape
