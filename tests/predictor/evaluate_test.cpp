#include "predictor/evaluation/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "predictor/data/folds.h"
#include "predictor/rows.h"
#include "predictor/trainings.h"

namespace cape::predictor {
namespace {

std::set<std::uint32_t> trajectories_of(const MetaTable& table,
                                        std::span<const RowIndex> rows) {
  std::set<std::uint32_t> trajectories;
  for (const RowIndex row : rows) {
    trajectories.insert(table.rows[row].trajectory);
  }
  return trajectories;
}

TEST(CrossValidation, PredictsEachRowOnceByAModelThatSawNoneOfItsTrajectory) {
  const MetaTable table = sample_table(30);
  std::vector<int> predictions(table.rows.size());
  const Fit fit = [&](const MetaTable& all, std::span<const RowIndex> train) {
    const auto seen = trajectories_of(all, train);
    return [&, seen](const MetaTable& of, std::span<const RowIndex> rows) {
      for (const std::uint32_t trajectory : trajectories_of(of, rows)) {
        EXPECT_FALSE(seen.contains(trajectory));
      }
      std::vector<double> steps;
      for (const RowIndex row : rows) {
        ++predictions[row];
        steps.push_back(row);
      }
      return steps;
    };
  };
  const auto predicted = cross_validate(
      table, all_rows(table), kfold(table, all_rows(table), 3, 42), fit, 42);
  EXPECT_THAT(predictions, testing::Each(1));
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    EXPECT_EQ(predicted[i], static_cast<double>(i));
  }
}

TEST(GroupMetrics, NameTheGroupsInAscendingOrder) {
  MetaTable table;
  for (const double learning_rate : {1e-2, 5e-4, 1e-3}) {
    shard::Row row = sample_row();
    row.learning_rate = learning_rate;
    table.add(row);
  }
  std::vector<std::string> names;
  for (const MetricGroup& group :
       group_metrics(table, std::vector<double>{10, 10, 10}, 1)) {
    names.push_back(group.name());
  }
  EXPECT_THAT(names, testing::ElementsAre(
                         "overall", "family=mlp", "dataset=mnist",
                         "learning_rate=0.0005", "learning_rate=0.001",
                         "learning_rate=0.01", "batch_size=32", "epsilon=0.1"));
}

TEST(GroupMetrics, AreThoseOfTheGroupsRows) {
  MetaTable table;
  shard::Row row = sample_row();
  table.add(row);
  row.dataset.assign("cifar10");
  row.t_star = 20;
  table.add(row);
  const auto groups = group_metrics(table, std::vector<double>{13, 30}, 1);
  const auto mae = [&](const std::string& name) {
    return std::ranges::find(groups, name, &MetricGroup::name)->metrics.mae;
  };
  EXPECT_DOUBLE_EQ(mae("overall"), 6.5);
  EXPECT_DOUBLE_EQ(mae("dataset=mnist"), 3);
  EXPECT_DOUBLE_EQ(mae("dataset=cifar10"), 10);
}

TEST(FitByFamily, PredictsAFamilyAsAModelOfItAloneDoes) {
  const MetaTable table = sample_table(40);
  const Fit fit = fit_model(feature_set("paper"), paper_settings(42));
  const auto together = fit_by_family(fit)(table, all_rows(table));
  const std::vector<double> predicted = together(table, all_rows(table));
  std::vector<RowIndex> cnn;
  for (const RowIndex row : all_rows(table)) {
    if (table.family(table.rows[row]) == "cnn") cnn.push_back(row);
  }
  const std::vector<double> alone = fit(table, cnn)(table, cnn);
  ASSERT_EQ(cnn.size(), 40U);
  for (std::size_t i = 0; i < cnn.size(); ++i) {
    EXPECT_EQ(predicted[cnn[i]], alone[i]);
  }
}

TEST(FitByFamily, DoesNotPredictAFamilyThatItDidNotSee) {
  const MetaTable table = sample_table(4);
  const std::vector<RowIndex> mlp = {0, 1};
  const Fit fit = fit_model(feature_set("paper"), paper_settings(42));
  const auto predicted =
      fit_by_family(fit)(table, mlp)(table, std::vector<RowIndex>{0, 2});
  EXPECT_GE(predicted[0], 1);
  EXPECT_TRUE(std::isnan(predicted[1]));
}

TEST(GroupMetrics, LeaveOutRowsWithoutAPrediction) {
  const MetaTable table = sample_table(2);
  std::vector<double> predicted(4, std::nan(""));
  EXPECT_THAT(group_metrics(table, predicted, 1), testing::IsEmpty());
  predicted[2] = 9;
  const auto groups = group_metrics(table, predicted, 1);
  EXPECT_EQ(groups[0].metrics.rows, 1);
  EXPECT_EQ(groups[1].name(), "family=cnn");
}

TEST(GroupMetrics, TellConvergedFromCensoredRows) {
  MetaTable table;
  shard::Row row = sample_row();
  table.add(row);
  row.converged = false;
  table.add(row);
  const auto groups = group_metrics(table, std::vector<double>{10, 10}, 1);
  EXPECT_EQ(groups[groups.size() - 2].name(), "converged=false");
  EXPECT_EQ(groups.back().name(), "converged=true");
}

std::vector<std::string> names_of_groups(const MetaTable& table,
                                         const std::vector<double>& predicted) {
  std::vector<std::string> names;
  for (const MetricGroup& group : group_metrics(table, predicted, 1)) {
    names.push_back(group.name());
  }
  return names;
}

TEST(GroupMetrics, LeaveOutColumnsWithVeryManyValues) {
  MetaTable table;
  for (int i = 0; i < 60; ++i) {
    shard::Row row = sample_row();
    row.learning_rate = 0.5 + i;
    table.add(row);
  }
  EXPECT_THAT(names_of_groups(table, std::vector<double>(60, 10)),
              testing::Contains("learning_rate=0.5"));
  shard::Row row = sample_row();
  row.learning_rate = 100;
  table.add(row);
  EXPECT_THAT(names_of_groups(table, std::vector<double>(61, 10)),
              testing::ElementsAre("overall", "family=mlp", "dataset=mnist",
                                   "batch_size=32", "epsilon=0.1"));
}

TEST(GroupMetrics, OfWholeTrainingsAreOfSamplesToo) {
  MetaTable steps;
  MetaTable epochs;
  for (const std::int64_t samples : {1000, 999, 50'000}) {
    shard::Row row = training_row();
    row.samples = samples;
    steps.add(row);
    epochs.add(stopped(row, 10));
  }
  const std::vector<double> predicted(3, 10);
  EXPECT_THAT(names_of_groups(epochs, predicted),
              testing::ElementsAre("overall", "family=mlp", "dataset=mnist",
                                   "learning_rate=0.001", "batch_size=32",
                                   "samples_from=0", "samples_from=1000",
                                   "samples_from=40000"));
  EXPECT_THAT(names_of_groups(steps, predicted),
              testing::IsSupersetOf(
                  {"epsilon=0.25", "samples_from=0", "samples_from=40000"}));
}

TEST(GroupMetrics, DoNotDependOnRowsThatAreNotPredicted) {
  MetaTable table;
  table.add(sample_row());
  const auto names = names_of_groups(table, {10});
  table.add(training_row());
  table.add(stopped(training_row(), 10));
  EXPECT_EQ(names_of_groups(table, {10, std::nan(""), std::nan("")}), names);
}

TEST(Bootstrap, SpreadsAsTheTrajectoriesDo) {
  // Every trajectory is off by 1 or by 3, in all of its ten rows.
  Scored scored;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    scored.measured.push_back(100);
    scored.predicted.push_back(i / 10 % 2 == 0 ? 101 : 103);
    scored.trajectory.push_back(i / 10);
  }
  const MetricInterval mae = bootstrap(scored, 7).mae;
  // The mean of 100 values with the deviation 1: 2 +- 1.96 / 10.
  EXPECT_NEAR(mae.low, 1.8, 0.07);
  EXPECT_NEAR(mae.high, 2.2, 0.07);
  EXPECT_EQ(bootstrap(scored, 7).mae.low, mae.low);
}

}  // namespace
}  // namespace cape::predictor
