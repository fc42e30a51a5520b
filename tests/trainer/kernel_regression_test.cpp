// The losses of a kernel regression, against gradient descent in small steps.

#include "trainer/kernel_regression.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace cape::trainer {
namespace {

using datasets::Task;
using torch::Tensor;
using KernelLosses = trial::SetFeatures::KernelLosses;

constexpr std::int64_t kSamples = 24;

Tensor sample_inputs() {
  torch::manual_seed(7);
  return torch::randn({kSamples, 2, 3});
}

/// Euler's method on df/dt = K (y - f), sample by sample: no eigenvalues.
/// Learns `first` and returns the losses on it and on the other half.
std::pair<KernelLosses, KernelLosses> descend(const Tensor& inputs,
                                              const Tensor& numbers,
                                              bool first) {
  const std::int64_t half = kSamples / 2;
  const std::int64_t begin = first ? 0 : half;
  const std::int64_t other = first ? half : 0;
  const Tensor x = inputs.reshape({kSamples, -1}).to(torch::kDouble);
  const Tensor y = numbers.to(torch::kDouble);
  const auto distance = [&](std::int64_t i, std::int64_t j) {
    return (x[i] - x[j]).square().sum().item<double>();
  };
  std::vector<double> distances;
  for (std::int64_t i = 0; i < half; ++i) {
    for (std::int64_t j = 0; j < half; ++j) {
      distances.push_back(distance(begin + i, begin + j));
    }
  }
  // Of an even number of values Torch takes the lower middle one.
  std::ranges::sort(distances);
  const double width = distances[(distances.size() - 1) / 2];
  Tensor kernel = torch::empty({half, half}, torch::kDouble);
  Tensor others = torch::empty({half, half}, torch::kDouble);
  for (std::int64_t i = 0; i < half; ++i) {
    for (std::int64_t j = 0; j < half; ++j) {
      kernel[i][j] = std::exp(-distance(begin + i, begin + j) / width);
      others[i][j] = std::exp(-distance(other + i, begin + j) / width);
    }
  }
  // The largest eigenvalue by the power method.
  Tensor vector = torch::ones({half, 1}, torch::kDouble);
  double largest = 0;
  for (int k = 0; k < 500; ++k) {
    vector = kernel.mm(vector);
    largest = vector.norm().item<double>();
    vector = vector / largest;
  }
  const Tensor mean = y.slice(0, begin, begin + half).mean(0);
  const Tensor target = y.slice(0, begin, begin + half) - mean;
  const Tensor other_target = y.slice(0, other, other + half) - mean;
  Tensor weights = torch::zeros_like(target);
  KernelLosses training{};
  KernelLosses held_out{};
  const double step = 0.002 / largest;
  double time = 0;
  for (std::size_t k = 0; k < 3; ++k) {  // later ones take long
    const double end = std::exp(trial::SetFeatures::kKernelTimes[k]) / largest;
    for (; time < end - step / 2; time += step) {
      weights = weights + step * (target - kernel.mm(weights));
    }
    training[k] =
        ((target - kernel.mm(weights)).square().mean() / target.square().mean())
            .item<double>();
    held_out[k] = ((other_target - others.mm(weights)).square().mean() /
                   other_target.square().mean())
                      .item<double>();
  }
  return {training, held_out};
}

/// Euler's method is off by the size of its steps.
constexpr double kTolerance = 2e-3;

void expect_the_losses_of_descent(const Tensor& labels, const Tensor& numbers,
                                  Task task) {
  const Tensor inputs = sample_inputs();
  const KernelRegression found = kernel_regression(inputs, labels, task);
  const auto first = descend(inputs, numbers, true);
  const auto second = descend(inputs, numbers, false);
  for (std::size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(found.training[k], (first.first[k] + second.first[k]) / 2,
                kTolerance);
    EXPECT_NEAR(found.held_out[k], (first.second[k] + second.second[k]) / 2,
                kTolerance);
  }
  // What is learnt by heart is learnt in the end.
  EXPECT_LT(found.training[4], 1e-3);
}

TEST(KernelRegression, LearnsNumbersAsGradientDescentDoes) {
  const Tensor targets = sample_inputs().sum({1, 2});
  expect_the_losses_of_descent(targets, targets.unsqueeze(1), Task::regression);
}

TEST(KernelRegression, LearnsClassesAsZerosAndOnes) {
  const Tensor classes = torch::arange(kSamples).remainder(3);
  expect_the_losses_of_descent(classes, torch::one_hot(classes),
                               Task::classification);
}

TEST(KernelRegression, LearnsTheClassesOfAllSteps) {
  const Tensor classes = torch::arange(kSamples * 2).view({kSamples, 2});
  expect_the_losses_of_descent(
      classes.remainder(3),
      torch::one_hot(classes.remainder(3)).view({kSamples, -1}),
      Task::sequence);
}

TEST(KernelRegression, LearnsManyLabels) {
  const Tensor labels = torch::arange(kSamples * 3)
                            .view({kSamples, 3})
                            .remainder(2)
                            .to(torch::kFloat);
  expect_the_losses_of_descent(labels, labels, Task::multilabel);
}

void expect_missing(const KernelRegression& found) {
  for (std::size_t k = 0; k < found.training.size(); ++k) {
    EXPECT_TRUE(std::isnan(found.training[k]));
    EXPECT_TRUE(std::isnan(found.held_out[k]));
  }
}

TEST(KernelRegression, IsMissingWhereThereIsNothingToLearn) {
  const Tensor classes = torch::arange(kSamples).remainder(3);
  expect_missing(kernel_regression(sample_inputs(), torch::zeros_like(classes),
                                   Task::classification));
  expect_missing(kernel_regression(torch::ones({kSamples, 4}), classes,
                                   Task::classification));
  expect_missing(kernel_regression(sample_inputs().slice(0, 0, 14),
                                   classes.slice(0, 0, 14),
                                   Task::classification));
}

TEST(KernelRegression, IsMissingForInputsThatAreNotFinite) {
  Tensor inputs = sample_inputs();
  inputs[3][1][2] = std::nan("");
  expect_missing(kernel_regression(inputs, torch::arange(kSamples).remainder(3),
                                   Task::classification));
}

}  // namespace
}  // namespace cape::trainer
