#include "predictor/evaluation/baselines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "predictor/data/curves.h"
#include "predictor/evaluation/curve_extrapolation.h"
#include "predictor/evaluation/metrics.h"
#include "predictor/rows.h"
#include "predictor/trainings.h"

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

/// A row for each of these counts, in a family.
void add_counts(const std::string& family, const std::vector<int>& counts,
                MetaTable& table) {
  for (const int count : counts) {
    shard::Row row = sample_row(fmt::format("{} {}", family, count));
    row.family.assign(family);
    row.t_star = count;
    table.add(row);
  }
}

TEST(Constant, HasTheBestAccuracyOfAllNumbers) {
  Random random(3);
  for (int times = 0; times < 5; ++times) {
    std::vector<int> counts;
    for (int i = 0; i < 30; ++i) {
      counts.push_back(static_cast<int>(1 + random.below(200)));
    }
    MetaTable table;
    add_counts("mlp", counts, table);
    const auto accuracy_of = [&](double number) {
      double sum = 0;
      for (const int count : counts) {
        sum += accuracy(count, std::abs(number - count));
      }
      return sum;
    };
    double best = 0;
    for (int half = 1; half <= 400; ++half) {
      best = std::max(best, accuracy_of(0.5 * half));
    }
    const std::vector<double> predicted = predict(fit_constant(), table);
    EXPECT_THAT(predicted, testing::Each(predicted.front()));
    EXPECT_DOUBLE_EQ(accuracy_of(predicted.front()), best);
  }
}

TEST(Constant, IsWithinTheCapOfEachRow) {
  MetaTable table;
  add_counts("mlp", {10, 10, 3}, table);
  table.rows[2].max_steps = 4;
  EXPECT_THAT(predict(fit_constant(), table), testing::ElementsAre(10, 10, 4));
}

TEST(FamilyMedian, IsThatOfTheRowsOfTheFamily) {
  MetaTable table;
  add_counts("mlp", {2, 9, 4}, table);
  add_counts("cnn", {6, 8}, table);
  add_counts("rnn", {100}, table);
  const std::vector<RowIndex> fitted = {0, 1, 2, 3, 4};
  EXPECT_THAT(fit_family_median()(table, fitted)(table, all_rows(table)),
              testing::ElementsAre(4, 4, 4, 7, 7, testing::IsNan()));
}

TEST(LinearInSettings, FindsAPowerLawOfTheSettings) {
  MetaTable table;
  Random random(5);
  for (int i = 0; i < 200; ++i) {
    shard::Row row = training_row(fmt::format("t{}", i));
    row.log_p = 10 + 4 * random.uniform();
    row.samples = 500 + random.below(4000);
    row.log_lr = -7 + random.uniform();
    row.log_g2 = random.uniform();  // which it does not look at
    row.epsilon = 0.1 + 0.5 * random.uniform();
    row.max_steps = 1'000'000;
    if (i % 3 == 0) row.optimizer_json.assign(R"({"kind":"sgd"})");
    row.t_star = static_cast<std::int32_t>(std::lround(
        std::exp(0.5 * row.log_p - 0.5 * row.log_lr) *
        std::pow(static_cast<double>(row.samples), 0.3) *
        std::sqrt(-std::log(row.epsilon)) * (i % 3 == 0 ? 3 : 1) / 10));
    table.add(row);
  }
  ASSERT_EQ(std::ranges::count(
                table.rows, true,
                [](const MetaRow& row) { return row.optimizer_traits.is_sgd; }),
            67);
  const std::vector<double> predicted =
      predict(fit_linear_in_settings(), table);
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    ASSERT_GT(table.rows[i].t_star, 100);
    EXPECT_NEAR(predicted[i] / table.rows[i].t_star, 1, 0.01) << i;
  }
}

TEST(LinearInSettings, IsTheLogarithmicMeanWhereNoSettingVaries) {
  MetaTable table;
  add_counts("mlp", {4, 9}, table);
  EXPECT_THAT(predict(fit_linear_in_settings(), table),
              testing::Each(testing::DoubleNear(6, 1e-4)));
}

/// Whether early stopping ends a training there, with this best epoch.
void expect_stop(const EarlyStop& stop, int epoch, int best_epoch) {
  EXPECT_EQ(stop.epoch, epoch);
  EXPECT_EQ(stop.best_epoch, best_epoch);
}

TEST(EarlyStop, IsAPatienceAfterTheLastImprovement) {
  const std::vector<double> losses = {3, 2, 2.5, 1.95, 1.9, 2, 2, 2, 1, 1};
  const auto loss = [&](int epoch) {
    return losses.at(static_cast<std::size_t>(epoch - 1));
  };
  expect_stop(stop_early(loss, {3, 0, 10}), 8, 5);
  expect_stop(stop_early(loss, {4, 0, 10}), 10, 9);  // by the cap
  expect_stop(stop_early(loss, {5, 0, 7}), 7, 5);    // by the cap
  // What is not better by more than min_delta is none, however it adds up.
  expect_stop(stop_early(loss, {3, 0.1, 10}), 5, 2);
  expect_stop(stop_early(loss, {3, 0.07, 10}), 8, 5);
  expect_stop(stop_early([](int) { return std::nan(""); }, {3, 0, 10}), 3, 1);
}

TEST(EarlyStop, IsExtrapolatedFromTheFirstLosses) {
  const auto curve = [](int epoch) { return 1 + 2 * std::exp(-0.4 * epoch); };
  const EarlyStoppingRule rule = {5, 0.01, 60};
  std::vector<double> first;
  for (int epoch = 1; epoch <= 5; ++epoch) first.push_back(curve(epoch));
  const EarlyStop exact = stop_early(curve, rule);
  const EarlyStop found = extrapolate_stop(first, rule);
  EXPECT_GT(exact.best_epoch, 8);
  EXPECT_NEAR(found.best_epoch, exact.best_epoch, 1);
  EXPECT_EQ(found.epoch, found.best_epoch + 5);
  // The losses say it all where they are past the end.
  expect_stop(
      extrapolate_stop(std::vector<double>{3, 2, 2.5, 2.6, 0.1}, {2, 0, 60}), 4,
      2);
  // Losses that rise get no better.
  expect_stop(extrapolate_stop(std::vector<double>{1, 2, 3}, {5, 0, 60}), 6, 1);
}

TEST(ValidationExtrapolation, PredictsRowsThatHaveTheirFirstLosses) {
  MetaTable table;
  shard::Row row = stopped(training_row(), 20);
  row.min_delta = 0.01;
  for (const int max_epochs : {60, 7, 60}) {
    row.max_epochs = max_epochs;
    table.add(row);
  }
  const auto curve = [](int epoch) { return 1 + 2 * std::exp(-0.4 * epoch); };
  for (const std::size_t i : {0, 1}) {
    for (std::size_t e = 0; e < kFirstEpochs; ++e) {
      table.rows[i].first_validation.at(e) =
          static_cast<float>(curve(static_cast<int>(e) + 1));
    }
  }
  const std::vector<double> predicted =
      predict(fit_validation_extrapolation(), table);
  EXPECT_NEAR(predicted[0], stop_early(curve, {5, 0.01, 60}).best_epoch, 1);
  EXPECT_EQ(predicted[1], 7);
  EXPECT_TRUE(std::isnan(predicted[2]));
}

}  // namespace
}  // namespace cape::predictor
