#include "trainer/trajectory.h"
#include "models/torch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/error.h"
#include "models/build.h"
#include "trainer/support.h"

namespace cape::trainer {
namespace {

const zoo::Vit kSmallVit = {.patch = 8, .width = 24, .depth = 1, .heads = 2};

trial::TrialResult run_steps(const trial::TrialTask& task,
                             int losses_per_sync = 1) {
  static const datasets::Dataset kDataset = noise_dataset();
  return run_trajectory(task, kDataset, torch::kCPU, losses_per_sync);
}

/// Losses of a training with AdamW written out, and without dropout.
std::vector<double> losses_by_hand(const trial::TrialTask& task, int count) {
  const TrialBatch batch = draw_batch(task, noise_dataset(), torch::kCPU);
  torch::manual_seed(task.seed);
  const auto model = models::build(task.architecture, {1, 28, 28}, 10);
  const auto parameters = model->parameters();
  std::vector<torch::Tensor> first;
  std::vector<torch::Tensor> second;
  for (const auto& parameter : parameters) {
    first.push_back(torch::zeros_like(parameter));
    second.push_back(torch::zeros_like(parameter));
  }
  std::vector<double> losses;
  for (int t = 1; t <= count; ++t) {
    const auto loss =
        torch::cross_entropy_loss(model->forward(batch.inputs), batch.labels);
    losses.push_back(loss.item<double>());
    const auto gradients = torch::autograd::grad({loss}, parameters);
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      first[i] = 0.9 * first[i] + 0.1 * gradients[i];
      second[i] = 0.999 * second[i] + 0.001 * gradients[i].square();
      const auto unbiased_first = first[i] / (1 - std::pow(0.9, t));
      const auto unbiased_second = second[i] / (1 - std::pow(0.999, t));
      const auto decayed =
          parameters[i] *
          (1 - task.learning_rate * weight_decay_of(task.optimizer));
      const auto step =
          task.learning_rate * unbiased_first / (unbiased_second.sqrt() + 1e-8);
      parameters[i].copy_(decayed - step);
    }
  }
  return losses;
}

TEST(TrajectoryTest, TrainsWithAdamWOnTheProbeBatch) {
  trial::TrialTask task = small_task();
  task.architecture = zoo::Mlp{.layers = 2, .width = 32, .dropout = 0};
  task.optimizer =
      trial::AdamW{.weight_decay = 0.1};  // large enough to be seen
  const std::vector<double> expected = losses_by_hand(task, 4);
  const trial::TrialResult result = run_steps(task);
  ASSERT_GE(result.losses.size(), expected.size());
  for (std::size_t t = 0; t < expected.size(); ++t) {
    EXPECT_NEAR(result.losses[t], expected[t], 2e-6 * expected[t]) << t;
  }
}

TEST(TrajectoryTest, ProbesAndTimesStepsWithoutTraining) {
  trial::TrialTask task = small_task();
  const trial::TrialResult trained = run_steps(task);
  task.timed_steps = 2;
  const trial::TrialResult timed = run_steps(task);
  EXPECT_EQ(timed.probe, trained.probe);
  EXPECT_EQ(timed.parameters, trained.parameters);
  EXPECT_EQ(timed.initial_loss, trained.initial_loss);
  EXPECT_EQ(timed.losses.size(), 1U);
  EXPECT_TRUE(timed.outcomes.empty());
  EXPECT_GT(timed.step_seconds, 0);
}

TEST(TrajectoryTest, MeasuresEveryEpsilon) {
  const trial::TrialTask task = small_task();
  const trial::TrialResult result = run_steps(task);
  EXPECT_EQ(result.trajectory, task.trajectory);
  EXPECT_EQ(result.parameters, 784 * 32 + 32 + 64 + 32 * 32 + 32 + 64 + 330);
  EXPECT_GT(result.probe.g2, 0);
  EXPECT_GT(result.probe.tau, 0);
  EXPECT_GT(result.step_seconds, 0);
  EXPECT_EQ(result.device, "cpu");
  EXPECT_EQ(result.initial_loss, result.losses.front());
  ASSERT_EQ(result.outcomes.size(), task.criteria.size());
  for (std::size_t i = 0; i < task.criteria.size(); ++i) {
    const trial::CriterionResult& epsilon = result.outcomes[i];
    ASSERT_TRUE(epsilon.converged());
    EXPECT_EQ(epsilon.criterion, task.criteria[i]);
    const double threshold =
        trial::epsilon_of(epsilon.criterion) * result.losses.front();
    const auto t = static_cast<std::size_t>(epsilon.t_star);
    EXPECT_LE(result.losses.at(t), threshold);
    for (std::size_t s = 0; s < t; ++s) EXPECT_GT(result.losses[s], threshold);
  }
}

TEST(TrajectoryTest, SharingARunGivesEveryEpsilonItsOwnRunsResult) {
  trial::TrialTask task = small_task();
  const trial::TrialResult shared = run_steps(task);
  for (const trial::CriterionResult& expected : shared.outcomes) {
    task.criteria = {expected.criterion};
    const trial::TrialResult own = run_steps(task);
    EXPECT_EQ(own.outcomes.front(), expected);
    EXPECT_EQ(own.probe, shared.probe);
    EXPECT_TRUE(std::equal(own.losses.begin(), own.losses.end(),
                           shared.losses.begin()));
  }
}

TEST(TrajectoryTest, IsTheSameToTheBitWhateverRanBefore) {
  trial::TrialTask vit = small_task();
  vit.architecture = kSmallVit;
  vit.seed = 99;
  for (const trial::TrialTask& task : {small_task(), vit}) {
    const trial::TrialResult first = run_steps(task);
    trial::TrialTask other = small_task();
    other.seed = 7;
    other.batch_size = 5;
    run_steps(other);
    torch::rand({3});
    expect_same(run_steps(task), first);
  }
}

TEST(TrajectoryTest, IsTheSameHoweverSeldomTheLossIsLookedAt) {
  trial::TrialTask censored = small_task();
  censored.criteria = trial::criteria_of({1e-9});
  std::get<trial::BatchSteps>(censored.target).max_steps = 21;
  for (const trial::TrialTask& task : {small_task(), censored}) {
    expect_same(run_steps(task, 16), run_steps(task));
  }
}

TEST(TrajectoryTest, TheSeedDecides) {
  trial::TrialTask task = small_task();
  const trial::TrialResult first = run_steps(task);
  task.seed += 1;
  const trial::TrialResult second = run_steps(task);
  EXPECT_NE(first.probe.g2, second.probe.g2);
  EXPECT_NE(first.losses, second.losses);
}

TEST(TrajectoryTest, StopsAtTheCap) {
  trial::TrialTask task = small_task();
  task.criteria = trial::criteria_of({1e-9});
  std::get<trial::BatchSteps>(task.target).max_steps = 5;
  const trial::TrialResult result = run_steps(task);
  EXPECT_EQ(result.losses.size(), 5U);
  EXPECT_EQ(result.outcomes.front().stop_reason, trial::StopReason::max_steps);
  EXPECT_EQ(result.outcomes.front().t_star, 5);
  EXPECT_EQ(result.outcomes.front().steps_run, 4);
}

TEST(TrajectoryTest, EndsWhenTheLossIsNotFinite) {
  trial::TrialTask task = small_task();
  task.architecture = zoo::Mlp{.layers = 2, .width = 32, .batch_norm = false};
  task.learning_rate = 1e30;
  const trial::TrialResult result = run_steps(task);
  EXPECT_EQ(result.outcomes.front().stop_reason, trial::StopReason::non_finite);
  EXPECT_FALSE(std::isfinite(result.losses.back()));
  EXPECT_LT(result.losses.size(), 10U);
}

TEST(TrajectoryTest, WithoutAnUpdateThereIsNoStepTime) {
  trial::TrialTask task = small_task();
  std::get<trial::BatchSteps>(task.target).max_steps = 1;
  EXPECT_TRUE(std::isnan(run_steps(task).step_seconds));
}

TEST(TrajectoryTest, OfAVariantHasItsHead) {
  trial::TrialTask task = small_task();
  const std::int64_t whole = run_steps(task).parameters;
  task.dataset.variant = {.classes = 3, .noise = 0.1};
  const trial::TrialResult result = run_steps(task);
  const std::int64_t width = std::get<zoo::Mlp>(task.architecture).width;
  EXPECT_EQ(result.parameters, whole - 7 * (width + 1));
  EXPECT_LT(result.probe.extended->label_entropy, std::log(3) + 1e-9);
  EXPECT_EQ(result.losses, run_steps(task).losses);
}

TEST(DrawBatchTest, TakesDifferentSamplesInTheNetworksForm) {
  trial::TrialTask task = small_task();
  task.batch_size = 200;
  const TrialBatch all = draw_batch(task, noise_dataset(), torch::kCPU);
  std::set<double> sums;
  for (std::int64_t i = 0; i < 200; ++i) {
    sums.insert(all.inputs[i].to(torch::kDouble).sum().item<double>());
  }
  EXPECT_EQ(sums.size(), 200U);

  task.architecture = kSmallVit;
  const TrialBatch coloured = draw_batch(task, noise_dataset(), torch::kCPU);
  EXPECT_EQ(coloured.inputs.sizes(),
            (std::vector<std::int64_t>{200, 3, 32, 32}));
  EXPECT_TRUE(torch::equal(coloured.labels, all.labels));
}

TEST(DrawBatchTest, RefusesMoreSamplesThanThereAre) {
  trial::TrialTask task = small_task();
  task.batch_size = 201;
  EXPECT_THROW(draw_batch(task, noise_dataset(), torch::kCPU), Error);
}

}  // namespace
}  // namespace cape::trainer
