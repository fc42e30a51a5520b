// Every kind of task: its loss and f by their definitions, and the engine's
// norms against the loop over samples.

#include <gtest/gtest.h>

#include <cmath>

#include "models/build.h"
#include "models/torch.h"
#include "trainer/objective.h"
#include "trainer/probe.h"
#include "trainer/trajectory.h"
#include "trial/task.h"

namespace cape::trainer {
namespace {

using datasets::Task;

/// Networks of every family that takes the samples of a task.
struct TaskCase {
  std::string name;
  zoo::Architecture architecture;
  Task task;
  std::vector<std::int64_t> shape;
};

std::vector<TaskCase> task_cases() {
  const std::vector<std::int64_t> vector = {10};
  const std::vector<std::int64_t> sequence = {7, 5};
  const std::vector<std::int64_t> image = {1, 8, 8};
  const zoo::Mlp mlp{.layers = 2, .width = 24};
  const zoo::Gru gru{.layers = 2, .hidden = 16, .bidirectional = true};
  const zoo::Lstm lstm{.layers = 2, .hidden = 16, .bidirectional = true};
  const zoo::Vit vit{.width = 24, .depth = 2, .heads = 2};
  const zoo::ResnetMini resnet{.base = 8};
  const zoo::Cct cct{.width = 16, .depth = 1};
  return {{"mlp_regression", mlp, Task::regression, vector},
          {"mlp_multilabel", mlp, Task::multilabel, image},
          {"mlp_of_sequences", mlp, Task::classification, sequence},
          {"gru_regression", gru, Task::regression, sequence},
          {"gru_sequence", gru, Task::sequence, sequence},
          {"gru_one_layer", zoo::Gru{.hidden = 16}, Task::sequence, sequence},
          {"lstm_sequence", lstm, Task::sequence, sequence},
          {"lstm_multilabel", lstm, Task::multilabel, sequence},
          {"vit_sequence", vit, Task::sequence, sequence},
          {"vit_of_sequences", vit, Task::classification, sequence},
          {"vit_regression", vit, Task::regression, image},
          {"resnet_regression", resnet, Task::regression, image},
          {"cct_multilabel", cct, Task::multilabel, image}};
}

constexpr std::int64_t kTaskClasses = 4;

/// A network with a batch for its task, in double.
struct Probed {
  std::shared_ptr<models::Model> model;
  torch::Tensor inputs, labels;
};

Probed make(const TaskCase& of, std::int64_t samples) {
  torch::manual_seed(3);
  const zoo::Head head =
      trial::head_of({.name = "own",
                      .task = of.task,
                      .shape = of.shape,
                      .classes = of.task == Task::regression ? 0 : kTaskClasses,
                      .fingerprint = "",
                      .directory = ""});
  Probed probed{models::build(of.architecture, of.shape, head), {}, {}};
  std::vector<std::int64_t> shape = zoo::input_shape(of.architecture, of.shape);
  shape.insert(shape.begin(), samples);
  probed.inputs = torch::randn(shape);
  switch (of.task) {
    case Task::classification:
      probed.labels = torch::randint(kTaskClasses, {samples}, torch::kLong);
      break;
    case Task::sequence:
      probed.labels =
          torch::randint(kTaskClasses, {samples, of.shape[0]}, torch::kLong);
      break;
    case Task::multilabel:
      probed.labels = torch::randint(2, {samples, kTaskClasses}, torch::kFloat);
      probed.labels.select(1, 0).fill_(1);
      break;
    case Task::regression:
      probed.labels = torch::randn({samples});
      break;
  }
  return probed;
}

class TaskTest : public testing::TestWithParam<TaskCase> {};

void expect_agreement(const TaskCase& of, const Probed& p, double tolerance) {
  const trial::ProbeResult engine =
      probe(*p.model, p.inputs, p.labels, std::nullopt, of.task);
  const trial::ProbeResult loop =
      probe_by_loop(*p.model, p.inputs, p.labels, of.task);
  ASSERT_GT(loop.g2, 0);
  ASSERT_GT(loop.tau, 0);
  EXPECT_NEAR(engine.g2 / loop.g2, 1, tolerance);
  EXPECT_NEAR(engine.tau / loop.tau, 1, tolerance);
}

TEST_P(TaskTest, TheEngineAgreesWithTheLoop) {
  for (const std::int64_t samples : {1, 2, 33}) {
    Probed p = make(GetParam(), samples);
    expect_agreement(GetParam(), p, 1e-4);
    p.model->to(torch::kDouble);
    p.inputs = p.inputs.to(torch::kDouble);
    expect_agreement(GetParam(), p, 1e-9);
  }
}

TEST_P(TaskTest, ExtendedFeaturesAgreeWithExplicitGradientsAndSteps) {
  constexpr double kRate = 1e-3;
  Probed p = make(GetParam(), 33);
  p.model->to(torch::kDouble);
  p.inputs = p.inputs.to(torch::kDouble);
  const TaskObjective objective(GetParam().task);
  const trial::ExtendedProbe found =
      probe(*p.model, p.inputs, p.labels, kRate, GetParam().task)
          .extended.value();
  p.model->eval();
  const auto loss = [&] {
    return objective.mean_loss(p.model->forward(p.inputs), p.labels);
  };
  const torch::Tensor before = loss();
  EXPECT_NEAR(found.loss, before.item<double>(), 1e-12);
  const auto parameters = p.model->parameters();
  const auto gradients = torch::autograd::grad({before}, parameters);
  double squared = 0;
  for (const auto& gradient : gradients) {
    squared += gradient.square().sum().item<double>();
  }
  EXPECT_NEAR(found.mean_g2 / squared, 1, 1e-9);
  p.model->train_without_dropout();
  const torch::Tensor start = loss();
  const auto direction = torch::autograd::grad({start}, parameters);
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].sub_(kRate * direction[i].sign());
  }
  EXPECT_NEAR(found.training_mode.step_losses[0],
              (loss() / start).item<double>(), 1e-9);
  EXPECT_EQ(std::isnan(found.label_entropy),
            GetParam().task == Task::regression);
  EXPECT_EQ(std::isnan(found.logit_spread),
            GetParam().task == Task::regression);
}

TEST_P(TaskTest, TrainingLowersTheLossThatTheProbeSaw) {
  const Probed p = make(GetParam(), 33);
  const TrialBatch batch{p.inputs, p.labels, GetParam().task};
  Training training(*p.model, trial::AdamW{}, 1e-2);
  const double before = training.loss(batch).item<double>();
  for (int step = 0; step < 30; ++step) {
    training.update();
    (void)training.loss(batch);
  }
  training.update();
  EXPECT_LT(training.loss(batch).item<double>(), 0.9 * before);
}

INSTANTIATE_TEST_SUITE_P(Tasks, TaskTest, testing::ValuesIn(task_cases()),
                         [](const auto& instance) {
                           return instance.param.name;
                         });

torch::Tensor doubles(const std::vector<double>& values) {
  return torch::tensor(values, torch::kDouble);
}

/// log sum exp of some logits.
double log_sum_exp(const std::vector<double>& logits) {
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit);
  return std::log(sum);
}

TEST(TaskObjective, OfARegressionIsHalfTheSquaredError) {
  const TaskObjective objective(Task::regression);
  const auto outputs = doubles({1, 2, 5}).view({3, 1});
  const auto targets = doubles({0, 2, 1});
  EXPECT_DOUBLE_EQ(objective.summed_loss(outputs, targets).item<double>(),
                   0.5 * (1 + 16));
  EXPECT_DOUBLE_EQ(objective.mean_loss(outputs, targets).item<double>(),
                   0.5 * (1 + 16) / 3);
  EXPECT_DOUBLE_EQ(objective.summed_f(outputs, targets).item<double>(), 8);
}

TEST(TaskObjective, OfASequenceIsTheMeanOverItsSteps) {
  const TaskObjective objective(Task::sequence);
  // Two samples of two steps, two classes.
  const auto outputs = doubles({0, 1, 2, 0, -1, 0, 3, 5}).view({2, 2, 2});
  const auto labels = torch::tensor({1, 0, 0, 1}, torch::kLong).view({2, 2});
  const double first = (log_sum_exp({0, 1}) - 1 + log_sum_exp({2, 0}) - 2) / 2;
  const double second =
      (log_sum_exp({-1, 0}) + 1 + log_sum_exp({3, 5}) - 5) / 2;
  EXPECT_NEAR(objective.summed_loss(outputs, labels).item<double>(),
              first + second, 1e-12);
  EXPECT_NEAR(objective.mean_loss(outputs, labels).item<double>(),
              (first + second) / 2, 1e-12);
  EXPECT_NEAR(objective.summed_f(outputs, labels).item<double>(), 1 + 2 - 1 + 5,
              1e-12);
  EXPECT_NEAR(objective.label_entropy(labels), std::log(2), 1e-12);
}

TEST(TaskObjective, OfAMultilabelTaskIsTheMeanOverItsLabels) {
  const TaskObjective objective(Task::multilabel);
  const auto outputs = doubles({0, 1, -2, 3}).view({2, 2});
  const auto labels = doubles({1, 0, 1, 1}).view({2, 2});
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  const double first = (softplus(-0.0) + softplus(1)) / 2;
  const double second = (softplus(2) + softplus(-3)) / 2;
  EXPECT_NEAR(objective.summed_loss(outputs, labels).item<double>(),
              first + second, 1e-12);
  EXPECT_NEAR(objective.mean_loss(outputs, labels).item<double>(),
              (first + second) / 2, 1e-12);
  EXPECT_NEAR(objective.summed_f(outputs, labels).item<double>(), 0 - 2 + 3,
              1e-12);
  // The first label is always there, the second half of the time.
  EXPECT_NEAR(objective.label_entropy(labels), std::log(2) / 2, 1e-12);
}

TEST(DrawBatch, ShapesLabelsAfterTheTask) {
  datasets::Dataset dataset;
  dataset.info = {.name = "own",
                  .task = Task::multilabel,
                  .shape = {2},
                  .images = false,
                  .classes = 1,
                  .samples = 4,
                  .train_size = 4,
                  .fingerprint = "",
                  .directory = ""};
  dataset.inputs =
      datasets::Array{.type = datasets::ElementType::int8,
                      .shape = {4, 2},
                      .elements = datasets::Bytes({0, 1, 2, 3, 4, 5, 6, 7})};
  dataset.mean = {0, 0};
  dataset.deviation = {1, 1};
  dataset.labels = datasets::Array::of({1, 0, 1, 0});
  dataset.labels.shape = {4, 1};
  trial::TrialTask task;
  task.architecture = zoo::Mlp{};
  task.batch_size = 4;
  const TrialBatch batch = draw_batch(task, dataset, torch::kCPU);
  EXPECT_EQ(batch.task, Task::multilabel);
  EXPECT_EQ(batch.inputs.sizes(), (std::vector<std::int64_t>{4, 2}));
  EXPECT_EQ(batch.labels.sizes(), (std::vector<std::int64_t>{4, 1}));
  for (int i = 0; i < 4; ++i) {
    const auto sample = batch.inputs[i][0].item<int>() / 2;
    EXPECT_EQ(batch.labels[i][0].item<float>(), sample % 2 == 0 ? 1 : 0);
  }
}

}  // namespace
}  // namespace cape::trainer
