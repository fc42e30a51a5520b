#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "datasets/split.h"
#include "models/build.h"
#include "models/torch.h"
#include "trainer/evaluation.h"
#include "trainer/support.h"
#include "trainer/trajectory.h"

namespace cape::trainer {
namespace {

/// Three kinds of bright squares, with noise, as mnist would be read.
datasets::Dataset squares() {
  datasets::Dataset dataset = noise_dataset();
  Random random(5);
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> labels;
  for (int i = 0; i < 400; ++i) {
    const auto label = static_cast<std::uint8_t>(random.below(3));
    labels.push_back(label);
    for (int p = 0; p < 28 * 28; ++p) {
      const bool bright = p / 28 / 9 == label;
      pixels.push_back(
          static_cast<std::uint8_t>(random.below(120) + (bright ? 60 : 0)));
    }
  }
  dataset.info.samples = 400;
  dataset.labels = datasets::Array::of(std::move(labels));
  dataset.inputs =
      datasets::Images{.blocks = {{.bytes = datasets::Bytes(std::move(pixels)),
                                   .stride = 28 * 28,
                                   .count = 400}}};
  return dataset;
}

trial::TrialTask full_task() {
  trial::TrialTask task = small_task();
  task.target = trial::FullTraining{.max_epochs = 12,
                                    .patience = 2,
                                    .validation_samples = 100,
                                    .samples = 250,
                                    .split_seed = 3};
  task.criteria = trial::criteria_of({0.3, 0.05});
  task.criteria.emplace_back(trial::EarlyStopping{1, 1e-4});
  task.criteria.emplace_back(trial::EarlyStopping{2, 1e-4});
  return task;
}

trial::TrialResult run_full(const trial::TrialTask& task) {
  static const datasets::Dataset kDataset = squares();
  return run_trajectory(task, kDataset, torch::kCPU, 1);
}

void expect_same_training(const trial::TrialResult& a,
                          const trial::TrialResult& b) {
  expect_same(a, b);
  EXPECT_EQ(a.validation_losses, b.validation_losses);
  EXPECT_EQ(a.validation_scores, b.validation_scores);
}

TEST(FullTraining, IsTheSameToTheBitWhateverRanBefore) {
  const auto first = run_full(full_task());
  trial::TrialTask other = full_task();
  other.seed = 99;
  const auto second = run_full(other);
  EXPECT_NE(first.losses, second.losses);
  expect_same_training(first, run_full(full_task()));
}

TEST(FullTraining, LearnsWhatIsThere) {
  trial::TrialTask task = full_task();
  std::get<trial::FullTraining>(task.target).patience = 12;
  task.criteria = {trial::EarlyStopping{12, 1e-4}};
  const auto result = run_full(task);
  ASSERT_EQ(result.validation_losses.size(), 12U);
  EXPECT_LT(result.validation_losses.back(), result.validation_losses.front());
  EXPECT_GT(result.outcomes[0].best->validation.score, 0.9);
  EXPECT_EQ(result.outcomes[0].stop_reason, trial::StopReason::max_epochs);
  EXPECT_GT(result.step_seconds, 0);
  EXPECT_GT(result.evaluation_seconds, 0);
}

TEST(FullTraining, GivesEachCriterionWhatItAloneWouldGet) {
  const auto shared = run_full(full_task());
  ASSERT_EQ(shared.outcomes.size(), 4U);
  for (const trial::CriterionResult& outcome : shared.outcomes) {
    trial::TrialTask task = full_task();
    task.criteria = {outcome.criterion};
    const auto alone = run_full(task);
    EXPECT_EQ(alone.outcomes.front(), outcome);
    EXPECT_EQ(alone.initial_loss, shared.initial_loss);
    EXPECT_EQ(alone.probe, shared.probe);
  }
}

/// The same training by stock code: batches cut from one tensor.
TEST(FullTraining, TakesTheStepsOfALoopOverShuffledBatches) {
  trial::TrialTask task = full_task();
  task.architecture =
      zoo::Mlp{.layers = 1, .width = 16, .batch_norm = false, .dropout = 0};
  const trial::Sgd sgd{.momentum = 0, .weight_decay = 0};
  task.optimizer = sgd;
  task.learning_rate = 0.05;
  task.criteria = {trial::EarlyStopping{2, 1e-4}};
  const auto& settings = std::get<trial::FullTraining>(task.target);
  const auto result = run_full(task);

  const datasets::Dataset dataset = squares();
  const datasets::Split split =
      datasets::draw_split(400, 100, 250, settings.split_seed, task.seed);
  const auto tensors = [&](const std::vector<std::int64_t>& indices) {
    datasets::Batch batch = datasets::make_batch(dataset, indices, {});
    return std::pair(torch::from_blob(batch.inputs.data(), batch.shape).clone(),
                     torch::tensor(batch.labels));
  };
  const auto [inputs, labels] = tensors(split.training);
  const auto [held_out, held_out_labels] = tensors(split.validation);
  torch::manual_seed(task.seed);
  const auto model = models::build(task.architecture, {1, 28, 28}, 10);
  const auto loss = [&](const torch::Tensor& x, const torch::Tensor& y) {
    return torch::cross_entropy_loss(model->forward(x), y);
  };
  EXPECT_NEAR(result.initial_loss, loss(inputs, labels).item<double>(), 1e-5);
  Random shuffle(seed_of(fmt::format("{}/shuffle", task.seed)));
  for (std::size_t epoch = 0; epoch < result.validation_losses.size();
       ++epoch) {
    const auto order = torch::tensor(shuffle.sample(250, 15 * 16));
    for (std::int64_t step = 0; step < 15; ++step) {
      const auto batch = order.narrow(0, 16 * step, 16);
      const auto parameters = model->parameters();
      const auto gradients = torch::autograd::grad(
          {loss(inputs.index_select(0, batch), labels.index_select(0, batch))},
          parameters);
      const torch::NoGradGuard no_grad;
      for (std::size_t p = 0; p < parameters.size(); ++p) {
        parameters[p].sub_(task.learning_rate * gradients[p]);
      }
    }
    const torch::NoGradGuard no_grad;
    EXPECT_NEAR(result.validation_losses[epoch],
                loss(held_out, held_out_labels).item<double>(), 1e-4)
        << epoch;
    const auto right = model->forward(held_out).argmax(1) == held_out_labels;
    EXPECT_NEAR(result.validation_scores[epoch],
                right.to(torch::kDouble).mean().item<double>(), 0.011);
  }
}

TEST(FullTraining, LooksWithoutChangingTheTraining) {
  // Dropout and BatchNorm are what a look could disturb.
  trial::TrialTask task = full_task();
  task.architecture = zoo::Mlp{.layers = 2, .width = 32, .dropout = 0.3};
  task.criteria = {trial::EarlyStopping{2, 1e-4}};
  const auto unseen = run_full(task);
  task.criteria.emplace_back(trial::Epsilon{1e-9});
  const auto seen = run_full(task);
  EXPECT_GT(seen.losses.size(), 20U);
  EXPECT_EQ(unseen.losses.size(), 1U);
  EXPECT_EQ(seen.validation_losses, unseen.validation_losses);
}

TEST(FullTraining, HasTheSameFirstLossesWhereItEndsAfterThem) {
  trial::TrialTask task = full_task();
  task.criteria = trial::criteria_of({1e-9});
  const auto whole = run_full(task);
  // Fewer updates than an epoch has, and more.
  for (const std::int64_t updates : {3, 20}) {
    std::get<trial::FullTraining>(task.target).stop_after = updates;
    const auto begun = run_full(task);
    const auto count = static_cast<std::size_t>(updates) + 1;
    ASSERT_EQ(begun.losses.size(), count);
    EXPECT_TRUE(std::equal(begun.losses.begin(), begun.losses.end(),
                           whole.losses.begin()));
    EXPECT_EQ(begun.probe, whole.probe);
    EXPECT_GT(begun.step_seconds, 0);
    EXPECT_GT(begun.evaluation_seconds, 0);
  }
}

TEST(FullTraining, HasNoTimeOfAnEvaluationWhereThereWasNone) {
  trial::TrialTask task = full_task();
  task.criteria = trial::criteria_of({0.999});
  const auto result = run_full(task);
  EXPECT_TRUE(result.validation_losses.empty());
  EXPECT_TRUE(std::isnan(result.evaluation_seconds));
}

TEST(FullTraining, ProbesTheFirstMiniBatchAndDescribesTheSamples) {
  const auto result = run_full(full_task());
  ASSERT_TRUE(result.probe.extended.has_value());
  ASSERT_TRUE(result.probe.extended->set.has_value());
  const trial::SetFeatures& set = *result.probe.extended->set;
  // 250 samples are all that there are of 400.
  EXPECT_GT(set.agreement_many, 0.5);
  EXPECT_GT(set.agreement_few, 0.3);
  EXPECT_GT(set.rank_many, result.probe.extended->batch.effective_rank);
}

TEST(FullTraining, OnlyLooksAndTimesWhereStepsAreToBeTimed) {
  trial::TrialTask task = full_task();
  const auto trained = run_full(task);
  task.timed_steps = 2;
  const auto timed = run_full(task);
  EXPECT_EQ(timed.losses.size(), 1U);
  EXPECT_EQ(timed.initial_loss, trained.initial_loss);
  EXPECT_EQ(timed.probe, trained.probe);
  EXPECT_TRUE(timed.outcomes.empty());
  EXPECT_TRUE(timed.validation_losses.empty());
  EXPECT_GT(timed.step_seconds, 0);
  EXPECT_GT(timed.evaluation_seconds, 0);
}

TEST(FullTraining, RefusesMoreSamplesThanThereAre) {
  trial::TrialTask task = full_task();
  std::get<trial::FullTraining>(task.target).samples = 301;
  EXPECT_THROW(run_full(task), Error);
}

TEST(FullTraining, ScoresARegressionByItsExplainedVariance) {
  datasets::Dataset dataset = squares();
  dataset.info.task = datasets::Task::regression;
  dataset.info.classes = 0;
  trial::TrialTask task = full_task();
  task.criteria = {trial::EarlyStopping{2, 1e-4}};
  std::get<trial::FullTraining>(task.target).max_epochs = 30;
  const auto result = run_trajectory(task, dataset, torch::kCPU, 1);
  for (std::size_t e = 0; e < result.validation_losses.size(); ++e) {
    // The loss is half the mean squared error, so R^2 = 1 - 2 loss / variance.
    const double variance =
        2 * result.validation_losses[e] / (1 - result.validation_scores[e]);
    EXPECT_NEAR(
        variance,
        2 * result.validation_losses[0] / (1 - result.validation_scores[0]),
        1e-3);
  }
  EXPECT_GT(result.outcomes[0].best->validation.score, 0.5);
}

}  // namespace
}  // namespace cape::trainer
