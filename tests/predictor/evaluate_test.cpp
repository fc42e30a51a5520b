#include "predictor/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "predictor/folds.h"
#include "predictor/rows.h"

namespace cape {
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
  const auto predicted =
      cross_validate(table, assign_folds(table, 3, 42), 3, fit);
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
  for (const Group& group :
       group_metrics(table, std::vector<double>{10, 10, 10})) {
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
  const auto groups = group_metrics(table, std::vector<double>{13, 30});
  const auto mae = [&](const std::string& name) {
    return std::ranges::find(groups, name, &Group::name)->metrics.mae;
  };
  EXPECT_DOUBLE_EQ(mae("overall"), 6.5);
  EXPECT_DOUBLE_EQ(mae("dataset=mnist"), 3);
  EXPECT_DOUBLE_EQ(mae("dataset=cifar10"), 10);
}

TEST(FitByFamily, PredictsAFamilyAsAModelOfItAloneDoes) {
  const MetaTable table = sample_table(40);
  const Fit fit = fit_xgboost(feature_set("paper"), {});
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

TEST(FitByFamily, RefusesAFamilyThatItDidNotSee) {
  const MetaTable table = sample_table(4);
  const std::vector<RowIndex> mlp = {0, 1};
  const auto predict =
      fit_by_family(fit_xgboost(feature_set("paper"), {}))(table, mlp);
  EXPECT_THROW(predict(table, all_rows(table)), Error);
}

}  // namespace
}  // namespace cape
