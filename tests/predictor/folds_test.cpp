#include "predictor/data/folds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "core/error.h"
#include "predictor/rows.h"

namespace cape::predictor {
namespace {

std::map<std::string, int> fold_of_trajectory(const MetaTable& table,
                                              std::uint64_t seed) {
  const std::vector<int> folds =
      kfold(table, all_rows(table), 3, seed).part_of_row;
  std::map<std::string, int> by_name;
  for (std::size_t i = 0; i < folds.size(); ++i) {
    by_name[table.trajectories.text(table.rows[i].trajectory)] = folds[i];
  }
  return by_name;
}

TEST(Folds, NeverSplitATrajectory) {
  const MetaTable table = sample_table(50);
  const std::vector<int> folds =
      kfold(table, all_rows(table), 3, 42).part_of_row;
  const auto by_name = fold_of_trajectory(table, 42);
  ASSERT_EQ(folds.size(), table.rows.size());
  for (std::size_t i = 0; i < folds.size(); ++i) {
    const std::string& name = table.trajectories.text(table.rows[i].trajectory);
    EXPECT_EQ(folds[i], by_name.at(name)) << name;
  }
}

TEST(Folds, HoldTheSameShareOfEachFamilyAndDataSet) {
  const MetaTable table = sample_table(120);  // 30 trajectories a stratum
  const std::vector<int> folds =
      kfold(table, all_rows(table), 3, 42).part_of_row;
  std::map<std::string, std::vector<int>> rows;  // stratum -> rows a fold
  for (std::size_t i = 0; i < folds.size(); ++i) {
    const MetaRow& row = table.rows[i];
    auto& counts = rows[table.family(row) + " " + table.dataset(row)];
    counts.resize(3);
    ++counts[static_cast<std::size_t>(folds[i])];
  }
  ASSERT_EQ(rows.size(), 4U);
  for (const auto& [stratum, counts] : rows) {
    EXPECT_THAT(counts, testing::Each(20)) << stratum;
  }
}

TEST(Folds, DependOnTheSeedAlone) {
  const MetaTable table = sample_table(60);
  MetaTable reversed = sample_table(60);
  std::ranges::reverse(reversed.rows);
  EXPECT_EQ(fold_of_trajectory(table, 1), fold_of_trajectory(reversed, 1));
  EXPECT_NE(fold_of_trajectory(table, 1), fold_of_trajectory(table, 2));
}

TEST(Folds, RefuseFewerTrajectoriesThanFolds) {
  const MetaTable table = sample_table(2);
  EXPECT_EQ(kfold(table, all_rows(table), 2, 42).part_of_row.size(), 4U);
  try {
    kfold(table, all_rows(table), 3, 42);
    FAIL() << "two trajectories made three folds";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("3 folds need 3 trajectories or more, the "
                                   "input has 2 (4 rows)"));
  }
}

TEST(Folds, OfSomeRowsNeverHoldOutTheOthers) {
  const MetaTable table = sample_table(20);
  const std::vector<RowIndex> rows = {0, 1, 4, 5};
  const Scheme scheme = kfold(table, rows, 2, 42);
  EXPECT_EQ(scheme.part_of_row[2], kNeverHeldOut);
  EXPECT_NE(scheme.part_of_row[0], scheme.part_of_row[4]);
}

TEST(LeaveOneDatasetOut, HasAPartADataSet) {
  const MetaTable table = sample_table(20);
  const Scheme scheme = leave_one_dataset_out(table, all_rows(table));
  EXPECT_EQ(scheme.parts, 2);
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    EXPECT_EQ(scheme.part_of_row[i],
              table.dataset(table.rows[i]) == "cifar10" ? 0 : 1);
  }
}

TEST(LeaveOneDatasetOut, SaysWhyItCannotLeaveOutTheOnlyOne) {
  MetaTable table;
  table.add(sample_row());
  const Scheme scheme = leave_one_dataset_out(table, all_rows(table));
  EXPECT_THAT(scheme.unavailable,
              testing::HasSubstr("of one data set (mnist)"));
}

TEST(LeaveOneDatasetOut, HidesRowsThatAreOnlyFittedOnWithTheirDataSet) {
  MetaTable table;
  shard::Row row = sample_row();
  for (const char* name : {"mnist", "cifar10", "cifar10", "letters"}) {
    row.dataset.assign(name);
    table.add(row);
  }
  const std::vector<RowIndex> rows = {0, 1};
  const std::vector<RowIndex> more = {2, 3};
  const Scheme scheme = leave_one_dataset_out(table, rows, more);
  EXPECT_EQ(scheme.parts, 2);
  EXPECT_EQ(scheme.part_of_row[2], kNeverHeldOut);
  EXPECT_EQ(scheme.hidden_from[2], scheme.part_of_row[1]);
  EXPECT_EQ(scheme.hidden_from[3], kNeverHeldOut);
}

TEST(LeaveOneArchitectureOut, NeverHoldsOutRowsWithoutAName) {
  MetaTable table;
  shard::Row row = sample_row();
  for (const char* name : {"", "mlp_2x128", "mlp_3x128"}) {
    row.architecture.assign(name);
    table.add(row);
  }
  const Scheme scheme = leave_one_architecture_out(table, all_rows(table));
  EXPECT_THAT(scheme.part_of_row, testing::ElementsAre(kNeverHeldOut, 0, 1));
  EXPECT_EQ(scheme.unavailable, "");
  EXPECT_THAT(
      leave_one_architecture_out(table, std::vector<RowIndex>{0}).unavailable,
      testing::HasSubstr("does not name"));
  EXPECT_THAT(leave_one_architecture_out(table, std::vector<RowIndex>{0, 1})
                  .unavailable,
              testing::HasSubstr("one architecture (mlp_2x128)"));
}

TEST(LeaveOneArchitectureOut, SharesTenPartsAmongMany) {
  MetaTable table;
  for (int i = 0; i < 25; ++i) {
    shard::Row row = sample_row();
    row.architecture.assign(fmt::format("mlp_{}", i));
    table.add(row);
  }
  const Scheme scheme = leave_one_architecture_out(table, all_rows(table));
  EXPECT_EQ(scheme.parts, 10);
  EXPECT_EQ(std::ranges::count(scheme.part_of_row, 0), 3);
}

TEST(DrawnTrajectories, AreWholeAndOfTheShareAskedFor) {
  const MetaTable table = sample_table(100);
  const auto drawn = draw_trajectories(table, all_rows(table), 0.1, 42);
  EXPECT_EQ(std::ranges::count(drawn, true), 20);  // 10 of two rows each
  for (std::size_t i = 0; i < drawn.size(); i += 2) {
    EXPECT_EQ(drawn[i], drawn[i + 1]);
  }
  EXPECT_NE(drawn, draw_trajectories(table, all_rows(table), 0.1, 43));
}

}  // namespace
}  // namespace cape::predictor
