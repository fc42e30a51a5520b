#include "predictor/evaluation/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/error.h"

namespace cape::predictor {
namespace {

TEST(Metrics, EqualValuesComputedByHand) {
  const std::vector<double> measured = {10, 20, 30, 40};
  const std::vector<double> predicted = {12, 18, 33, 20};
  const Metrics metrics = compute_metrics(measured, predicted);
  EXPECT_DOUBLE_EQ(metrics.mae, 27.0 / 4);
  EXPECT_DOUBLE_EQ(metrics.rmse, std::sqrt(417.0 / 4));
  EXPECT_DOUBLE_EQ(metrics.median_ae, 2.5);
  EXPECT_DOUBLE_EQ(metrics.r2, 1 - 417.0 / 500);
  EXPECT_DOUBLE_EQ(metrics.avg_accuracy, (0.8 + 0.9 + 0.9 + 0.5) / 4);
  EXPECT_EQ(metrics.rows, 4);
}

TEST(Metrics, MedianOfAnOddNumberIsTheMiddleOne) {
  const std::vector<double> measured = {10, 10, 10};
  const std::vector<double> predicted = {110, 11, 14};
  EXPECT_DOUBLE_EQ(compute_metrics(measured, predicted).median_ae, 4);
}

TEST(Metrics, AccuracyOfARowIsNeverNegative) {
  const std::vector<double> measured = {1, 100};
  const std::vector<double> predicted = {500, 100};
  EXPECT_DOUBLE_EQ(compute_metrics(measured, predicted).avg_accuracy, 0.5);
}

TEST(Metrics, R2IsMissingWhereAllMeasuredValuesAreEqual) {
  const std::vector<double> measured = {7, 7};
  const std::vector<double> predicted = {6, 8};
  EXPECT_TRUE(std::isnan(compute_metrics(measured, predicted).r2));
}

TEST(Correlation, IsPearsonsAndMissingWhereAllValuesAreEqual) {
  const std::vector<double> a = {1, 2, 3};
  const std::vector<double> b = {1, 3, 2};
  const std::vector<double> equal = {0.1, 0.1, 0.1};
  EXPECT_DOUBLE_EQ(correlation(a, b), 0.5);
  EXPECT_TRUE(std::isnan(correlation(a, equal)));
  EXPECT_TRUE(std::isnan(correlation(equal, b)));
}

TEST(Metrics, RefuseNothingAndUnequalNumbers) {
  const std::vector<double> one = {1};
  const std::vector<double> two = {1, 2};
  EXPECT_THROW(compute_metrics({}, {}), Error);
  EXPECT_THROW(compute_metrics(one, two), Error);
}

TEST(Median, IsTheMeanOfTheMiddleTwoOfAnEvenNumber) {
  EXPECT_EQ(median({5, 1, 3}), 3);
  EXPECT_EQ(median({5, 1, 3, 4}), 3.5);
}

// Of the four pairs of one that happened and one that did not, three are in
// order and one is a tie, which counts half. sklearn.metrics.roc_auc_score
// gives the same.
TEST(AreaUnderCurve, CountsThePairsInOrder) {
  const std::vector<double> probabilities = {0.1, 0.4, 0.4, 0.8};
  EXPECT_DOUBLE_EQ(area_under_curve(probabilities, {false, false, true, true}),
                   0.875);
  EXPECT_DOUBLE_EQ(area_under_curve(probabilities, {true, true, false, false}),
                   0.125);
  EXPECT_TRUE(
      std::isnan(area_under_curve(probabilities, {true, true, true, true})));
}

}  // namespace
}  // namespace cape::predictor
