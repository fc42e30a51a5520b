// What a batch shows of its data, against values worked out by hand.

#include "trainer/batch_features.h"

#include <gtest/gtest.h>

#include <cmath>

namespace cape::trainer {
namespace {

using datasets::Task;
using torch::Tensor;

Tensor numbers(const std::vector<double>& values, at::IntArrayRef shape) {
  return torch::tensor(values, torch::kDouble).view(shape);
}

/// Two pairs of near samples.
const std::vector<double> kPairs = {0, 1, 10, 11};

double agreement(const Tensor& labels, Task task) {
  return batch_features(numbers(kPairs, {4, 1}), labels, task)
      .neighbour_agreement;
}

Tensor classes(const std::vector<std::int64_t>& values) {
  return torch::tensor(values, torch::kLong);
}

TEST(BatchFeatures, DescribeTheInputs) {
  // Deviations from the mean: (2, 0, 0), (-2, 0, 0), (0, 1, 0), (0, -1, 0), of
  // which the eigenvalues are 8 and 2.
  const trial::BatchFeatures found =
      batch_features(numbers({5, 4, 7, 1, 4, 7, 3, 5, 7, 3, 3, 7}, {4, 1, 3}),
                     classes({0, 1, 0, 1}), Task::classification);
  EXPECT_NEAR(found.input_rms, std::sqrt(306.0 / 12), 1e-12);
  EXPECT_NEAR(found.effective_rank, 100.0 / 68, 1e-12);
  EXPECT_NEAR(found.constant_inputs, 1.0 / 3, 1e-12);
}

TEST(BatchFeatures, CountTheTokensOfTexts) {
  const Tensor texts =
      classes({1, 1, 3, 3, 1, 0, kTokenCounts + 1, 2, 2}).view({3, 3});
  const Tensor labels = classes({0, 0, 1});
  const Tensor counts = numbers({0, 2, 0, 1, 1, 1, 0, 1, 0, 1, 2, 0}, {3, 4});
  EXPECT_TRUE(torch::equal(numbers_of_samples(texts), counts));
  const trial::BatchFeatures found =
      batch_features(texts, labels, Task::classification);
  const trial::BatchFeatures expected =
      batch_features(counts, labels, Task::classification);
  EXPECT_TRUE(std::isnan(found.input_rms)) << "tokens have no size";
  EXPECT_NEAR(found.effective_rank, expected.effective_rank, 1e-6);
  EXPECT_NEAR(found.neighbour_agreement, expected.neighbour_agreement, 1e-12);
  EXPECT_EQ(found.constant_inputs, 0);
}

TEST(BatchFeatures, CompareTheClassesOfNeighbours) {
  EXPECT_NEAR(agreement(classes({3, 3, 0, 0}), Task::classification), 1, 1e-12);
  // By chance one of the three others has the same class.
  EXPECT_NEAR(agreement(classes({0, 1, 0, 1}), Task::classification),
              (0 - 1.0 / 3) / (1 - 1.0 / 3), 1e-12);
  EXPECT_NEAR(agreement(classes({0, 1, 2, 3}), Task::classification), 0, 1e-12);
}

TEST(BatchFeatures, CompareTheTargetsOfNeighbours) {
  // Squared differences of 1, a variance of 101 / 3.
  EXPECT_NEAR(agreement(numbers(kPairs, {4}), Task::regression),
              1 - 1 / (2 * 101.0 / 3), 1e-12);
  EXPECT_TRUE(
      std::isnan(agreement(numbers({2, 2, 2, 2}, {4}), Task::regression)));
}

TEST(BatchFeatures, AverageOverLabelsAndStepsThatDiffer) {
  // The columns agree always, less than by chance, and have one value.
  const Tensor columns = classes({0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1});
  const Tensor labels = columns.view({4, 3});
  EXPECT_NEAR(agreement(labels, Task::sequence), 0.25, 1e-12);
  EXPECT_NEAR(agreement(labels.to(torch::kFloat), Task::multilabel), 0.25,
              1e-12);
  EXPECT_TRUE(std::isnan(agreement(torch::ones({4, 3}), Task::multilabel)));
}

TEST(BatchFeatures, TakeTheFirstOfEquallyNearNeighbours) {
  // Sample 1 is as far from 0 as from 2.
  const Tensor inputs = numbers({0, 1, 2, 2.5}, {4, 1});
  EXPECT_NEAR(
      batch_features(inputs, classes({0, 0, 1, 1}), Task::classification)
          .neighbour_agreement,
      1, 1e-12);
}

TEST(BatchFeatures, AreMissingWhereTheyHaveNoValue) {
  EXPECT_TRUE(
      std::isnan(agreement(classes({2, 2, 2, 2}), Task::classification)));

  const trial::BatchFeatures one = batch_features(
      numbers({3, 4}, {1, 2}), classes({1}), Task::classification);
  EXPECT_NEAR(one.input_rms, std::sqrt(12.5), 1e-12);
  EXPECT_EQ(one.effective_rank, 0);
  EXPECT_EQ(one.constant_inputs, 1);
  EXPECT_TRUE(std::isnan(one.neighbour_agreement));

  const trial::BatchFeatures same = batch_features(
      torch::full({7, 5}, 0.1F), torch::arange(7) % 2, Task::classification);
  EXPECT_EQ(same.effective_rank, 0);
  EXPECT_EQ(same.constant_inputs, 1);

  for (const double value : {std::nan(""), HUGE_VAL}) {
    const trial::BatchFeatures bad =
        batch_features(numbers({1, value, 3, 4}, {4, 1}), classes({0, 0, 1, 1}),
                       Task::classification);
    EXPECT_TRUE(std::isnan(bad.input_rms));
    EXPECT_TRUE(std::isnan(bad.effective_rank));
    EXPECT_TRUE(std::isnan(bad.neighbour_agreement));
  }
}

TEST(BatchFeatures, AreInFloatWhatTheyAreInDouble) {
  torch::manual_seed(2);
  const Tensor inputs = torch::randn({40, 3, 16, 16});
  const Tensor labels = torch::arange(40) % 4;
  const trial::BatchFeatures found =
      batch_features(inputs, labels, Task::classification);
  const trial::BatchFeatures expected =
      batch_features(inputs.to(torch::kDouble), labels, Task::classification);
  EXPECT_NEAR(found.input_rms / expected.input_rms, 1, 1e-5);
  EXPECT_NEAR(found.effective_rank / expected.effective_rank, 1, 1e-5);
  EXPECT_EQ(found.neighbour_agreement, expected.neighbour_agreement);
  EXPECT_EQ(found.constant_inputs, expected.constant_inputs);
}

}  // namespace
}  // namespace cape::trainer
