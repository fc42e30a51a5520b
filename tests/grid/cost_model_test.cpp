#include "grid/cost_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "grid/speed.h"
#include "published_rows.h"

namespace cape::grid {
namespace {

double steps(const std::string& family, double epsilon = 0.1,
             double batch_size = 64, double learning_rate = 1e-3) {
  return expected_steps(family, 1e6, trial::AdamW{}, learning_rate, batch_size,
                        epsilon);
}

TEST(ExpectedSteps, GrowWithTheBatchAndAsEpsilonFalls) {
  for (const char* family : {"mlp", "cnn", "rnn", "transformer", "other"}) {
    EXPECT_LT(steps(family, 0.2), steps(family, 0.1)) << family;
    EXPECT_LT(steps(family, 0.1, 32), steps(family, 0.1, 128)) << family;
  }
}

TEST(ExpectedSteps, AreAtLeastOneAndHaveNoCapOfTheirOwn) {
  EXPECT_EQ(steps("mlp", 1 - 1e-12), 1);
  EXPECT_GT(steps("mlp", 1e-300, 1e9, 1e-12), 1e6);
}

/// Mean expected over mean published steps of a file's rows.
void expect_published_mean(const std::string& family, const std::string& file) {
  const auto rows = published_rows(file);
  if (!rows) GTEST_SKIP() << kNoPublishedRows;
  double expected = 0, published = 0;
  for (const PublishedRow& row : *rows) {
    expected += expected_steps(
        family, std::exp(std::stod(row.at("logP"))), trial::AdamW{},
        std::stod(row.at("learning_rate")), std::stod(row.at("batch_size")),
        std::stod(row.at("epsilon")));
    published += std::stod(row.at("T_star")) - 1;
  }
  ASSERT_GT(published, 0) << file;
  EXPECT_GT(expected / published, 1 / 1.5) << file;
  EXPECT_LT(expected / published, 1.5) << file;
}

TEST(ExpectedSteps, AreThePublishedOnesInTheMean) {
  expect_published_mean("mlp", "meta_dataset_mlp.csv");
  expect_published_mean("cnn", "meta_dataset_cnn.csv");
  expect_published_mean("rnn", "meta_dataset_rnn_mnist_fashion.csv");
  expect_published_mean("transformer",
                        "meta_dataset_transformer_mnist_fashion.csv");
}

TEST(TrajectoryFlops, CountThreeForwardPassesAStepAndTheProbe) {
  const double one_step =
      trajectory_flops(1e6, 32, 11) - trajectory_flops(1e6, 32, 10);
  EXPECT_EQ(one_step, 3 * 1e6 * 32);
  EXPECT_GT(trajectory_flops(1e6, 32, 0), one_step);
}

TEST(LongestTrial, LeavesTimeForAStartAndEveryStepOnASlowMachine) {
  EXPECT_GE(longest_trial_seconds(0, {}), 60);
  EXPECT_GE(longest_trial_seconds(5e12, {}), 5000);
  EXPECT_GE(longest_trial_seconds(0, 1e6), 60);
}

TEST(LongestTrial, IsShorterOnceTheSpeedIsKnown) {
  EXPECT_LT(longest_trial_seconds(5e12, 10), 1000);
  EXPECT_GT(longest_trial_seconds(5e12, 10), 100);
  EXPECT_EQ(longest_trial_seconds(5e12, 1e9), longest_trial_seconds(5e12, {}));
}

TEST(SpeedEstimate, KnowsNothingBeforeTheFirstMeasurement) {
  EXPECT_EQ(SpeedEstimate().seconds("mlp", 1e9), std::nullopt);
}

TEST(SpeedEstimate, TakesTheGivenSpeedUntilOneIsMeasured) {
  SpeedEstimate speed(50);
  EXPECT_EQ(speed.seconds("mlp", 1e11), 2.0);
  speed.add("mlp", 1e9, 1);
  EXPECT_EQ(speed.seconds("mlp", 1e11), 100.0);
}

TEST(SpeedEstimate, KeepsFamiliesApartAndGivesOthersTheMean) {
  SpeedEstimate speed;
  speed.add("mlp", 1e9, 1);
  speed.add("mlp", 3e9, 1);
  speed.add("transformer", 4e9, 6);
  EXPECT_EQ(speed.seconds("mlp", 2e9), 1.0);
  EXPECT_EQ(speed.seconds("transformer", 2e9), 3.0);
  EXPECT_EQ(speed.seconds("rnn", 2e9), 2.0);
}

}  // namespace
}  // namespace cape::grid
