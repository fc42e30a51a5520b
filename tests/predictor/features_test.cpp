#include "predictor/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/error.h"
#include "predictor/rows.h"

namespace cape {
namespace {

using testing::ElementsAre;

TEST(PaperFeatures, AreTheSixOfThePaperInItsOrder) {
  const FeatureSet& paper = feature_set("paper");
  EXPECT_THAT(paper.names(), ElementsAre("log_p", "log_g2", "log_tau", "log_n",
                                         "log_lr", "log_b"));
  MetaTable table;
  shard::Row row = sample_row();
  row.log_p = 1;
  row.log_g2 = 2;
  row.log_tau = 3;
  row.log_n = 4;
  row.log_lr = 5;
  row.log_b = 6;
  table.add(row);
  EXPECT_THAT(feature_matrix(table, all_rows(table), paper).values,
              ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(FeatureSet, RefusesAnUnknownName) {
  EXPECT_THROW(feature_set("papers"), UserError);
}

TEST(UsableRow, HasFiniteFeaturesAndAStepOrMore) {
  const auto usable = [](const shard::Row& row) {
    MetaTable table;
    table.add(row);
    return is_usable(table.rows[0], feature_set("paper"));
  };
  shard::Row row = sample_row();
  row.t_star = 1;
  EXPECT_TRUE(usable(row));
  row.t_star = 0;
  EXPECT_FALSE(usable(row));
  row = sample_row();
  row.log_tau = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(usable(row));
  row = sample_row();
  row.log_g2 = -std::numeric_limits<double>::infinity();
  EXPECT_FALSE(usable(row));
}

TEST(Features, AreThoseOfTheRowsAskedFor) {
  MetaTable table;
  for (const double log_p : {3.0, 1.0, 2.0}) {
    shard::Row row = sample_row();
    row.log_p = log_p;
    table.add(row);
  }
  const std::vector<RowIndex> rows = {2, 0};
  const FeatureSet& paper = feature_set("paper");
  const Matrix matrix = feature_matrix(table, rows, paper);
  EXPECT_EQ(matrix.at(0, 0), 2);
  EXPECT_EQ(matrix.at(1, 0), 3);
  EXPECT_EQ(feature_ranges(table, rows, paper)[0], (std::pair{2.0F, 3.0F}));
}

TEST(Prediction, IsClippedToOneStepAndTheCap) {
  EXPECT_DOUBLE_EQ(steps_from_log(-3), 1);
  EXPECT_DOUBLE_EQ(steps_from_log(std::log(12.5)), 12.5);
  EXPECT_DOUBLE_EQ(steps_from_log(20), 5000);
}

TEST(MetaTable, CountsTrajectoriesOfTheRowsLeft) {
  MetaTable table = sample_table(10);
  EXPECT_EQ(count_trajectories(table), 10U);
  table.rows.resize(6);
  EXPECT_EQ(count_trajectories(table), 3U);
}

}  // namespace
}  // namespace cape
