#include "predictor/evaluation/baselines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <tuple>
#include <vector>

#include "predictor/data/curves.h"
#include "predictor/rows.h"

namespace cape::predictor {
namespace {

std::vector<double> predict(const Fit& fit, const MetaTable& table) {
  return fit(table, all_rows(table))(table, all_rows(table));
}

TEST(Ntkl, DividesTheLogarithmOfTheGoalByTau) {
  MetaTable table;
  shard::Row row = sample_row();
  row.epsilon = std::exp(-6.0);
  row.log_tau = std::log(2.0);
  table.add(row);
  row.log_tau = std::log(60.0);
  table.add(row);
  EXPECT_THAT(predict(fit_ntkl(true), table),
              testing::ElementsAre(testing::DoubleNear(3, 1e-5), 1));
  EXPECT_NEAR(predict(fit_ntkl(false), table)[1], 0.1, 1e-6);
}

TEST(ScalingLaw, FindsAPowerLaw) {
  MetaTable table;
  for (int i = 0; i < 40; ++i) {
    shard::Row row = sample_row();
    row.log_p = 10 + i % 4;
    row.log_b = 3 + i % 3;
    row.log_g2 = i;  // which it does not look at
    row.t_star = static_cast<std::int32_t>(
        std::round(5e-4 * std::exp(row.log_p + 0.5 * row.log_b)));
    table.add(row);
  }
  const auto predicted = predict(fit_scaling_law(), table);
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    const double t_star = table.rows[i].t_star;
    ASSERT_LT(t_star, 5000);
    EXPECT_NEAR(predicted[i] / t_star, 1, 0.02);
  }
}

TEST(CurveSlope, IsThatOfTheLogarithmOfSixtyLosses) {
  std::vector<float> losses;
  for (int t = 0; t < 70; ++t) {
    losses.push_back(3 * std::exp(-0.05F * static_cast<float>(t)));
  }
  EXPECT_NEAR(curve_slope(losses), -0.05, 1e-5);
  losses[65] = 1e9F;  // beyond what it looks at
  EXPECT_NEAR(curve_slope(losses), -0.05, 1e-5);
  losses[30] = 0;
  EXPECT_TRUE(std::isnan(curve_slope(losses)));
  losses.resize(59);
  EXPECT_TRUE(std::isnan(curve_slope(losses)));
}

class Lce : public testing::Test {
 protected:
  /// Adds a row of a trajectory of its own, with this slope.
  void add(const char* trajectory, double learning_rate, float slope) {
    shard::Row row = sample_row(trajectory);
    row.epsilon = std::exp(-2.0);
    row.learning_rate = learning_rate;
    table_.add(row);
    table_.curve_slopes.push_back(slope);
  }
  std::vector<double> another() {
    return predict(fit_curve_extrapolation(CurveOf::another_trial), table_);
  }
  std::vector<double> own() {
    return predict(fit_curve_extrapolation(CurveOf::own_run), table_);
  }

  MetaTable table_;
};

TEST_F(Lce, LooksAtAnotherTrialOfTheSameSettings) {
  add("a", 1e-3, -0.1F);
  add("b", 1e-3, -0.2F);
  add("c", 1e-3, -0.4F);
  EXPECT_THAT(another(), testing::ElementsAre(testing::DoubleNear(10, 1e-4),
                                              testing::DoubleNear(5, 1e-4),
                                              testing::DoubleNear(20, 1e-4)));
  EXPECT_THAT(own(), testing::Each(testing::IsNan()));
}

TEST_F(Lce, LooksAtItsOwnRunOnlyWhereThereIsNoOther) {
  add("a", 1e-3, -0.1F);
  add("b", 2e-3, -0.2F);
  EXPECT_THAT(another(), testing::Each(testing::IsNan()));
  EXPECT_THAT(own(), testing::ElementsAre(testing::DoubleNear(20, 1e-4),
                                          testing::DoubleNear(10, 1e-4)));
}

TEST_F(Lce, KnowsNothingWithoutCurvesAndTheCapWithoutProgress) {
  add("a", 1e-3, std::nanf(""));
  add("b", 2e-3, 0.01F);
  EXPECT_THAT(own(), testing::ElementsAre(testing::IsNan(), 5000));
}

TEST(Floor, IsTheLogarithmicMeanOfTheCellsOtherTrajectories) {
  MetaTable table;
  const auto add = [&](const char* trajectory, double log_p, int t_star) {
    shard::Row row = sample_row(trajectory);
    row.log_p = log_p;
    row.t_star = t_star;
    table.add(row);
  };
  add("a", 12, 4);
  add("b", 12, 9);
  add("c", 12, 16);
  add("d", 13, 100);  // another architecture
  EXPECT_THAT(predict(fit_floor(), table),
              testing::ElementsAre(
                  testing::DoubleNear(12, 1e-9), testing::DoubleNear(8, 1e-9),
                  testing::DoubleNear(6, 1e-9), testing::IsNan()));
}

TEST(Floor, KeepsOptimizersApart) {
  MetaTable table;
  for (const auto& [trajectory, optimizer, t_star] :
       {std::tuple("a", R"({"kind":"adamw"})", 4),
        std::tuple("b", R"({"kind":"adamw"})", 9),
        std::tuple("c", R"({"kind":"adam"})", 40)}) {
    shard::Row row = sample_row(trajectory);
    row.optimizer_json.assign(optimizer);
    row.t_star = t_star;
    table.add(row);
  }
  EXPECT_THAT(
      predict(fit_floor(), table),
      testing::ElementsAre(testing::DoubleNear(9, 1e-9),
                           testing::DoubleNear(4, 1e-9), testing::IsNan()));
}

}  // namespace
}  // namespace cape::predictor
