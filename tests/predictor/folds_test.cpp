#include "predictor/folds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "core/error.h"
#include "predictor/rows.h"

namespace cape {
namespace {

std::map<std::string, int> fold_of_trajectory(const MetaTable& table,
                                              std::uint64_t seed) {
  const std::vector<int> folds = assign_folds(table, 3, seed);
  std::map<std::string, int> by_name;
  for (std::size_t i = 0; i < folds.size(); ++i) {
    by_name[table.trajectories.text(table.rows[i].trajectory)] = folds[i];
  }
  return by_name;
}

TEST(Folds, NeverSplitATrajectory) {
  const MetaTable table = sample_table(50);
  const std::vector<int> folds = assign_folds(table, 3, 42);
  const auto by_name = fold_of_trajectory(table, 42);
  ASSERT_EQ(folds.size(), table.rows.size());
  for (std::size_t i = 0; i < folds.size(); ++i) {
    const std::string& name = table.trajectories.text(table.rows[i].trajectory);
    EXPECT_EQ(folds[i], by_name.at(name)) << name;
  }
}

TEST(Folds, HoldTheSameShareOfEachFamilyAndDataSet) {
  const MetaTable table = sample_table(120);  // 30 trajectories a stratum
  const std::vector<int> folds = assign_folds(table, 3, 42);
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
  EXPECT_EQ(assign_folds(table, 2, 42).size(), 4U);
  try {
    assign_folds(table, 3, 42);
    FAIL() << "two trajectories made three folds";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(),
                testing::HasSubstr("3 folds need 3 trajectories or more, the "
                                   "input has 2 (4 rows)"));
  }
}

}  // namespace
}  // namespace cape
