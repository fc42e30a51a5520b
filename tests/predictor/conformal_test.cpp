#include "predictor/evaluation/conformal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "predictor/rows.h"

namespace cape::predictor {
namespace {

/// 99 rows of each of two families; T* over the prediction goes evenly from
/// e^-1 to e^1, or from e^-2 to e^2.
struct Spread {
  MetaTable table;
  std::vector<double> predicted;

  Spread() {
    for (int i = 1; i <= 99; ++i) {
      for (const char* family : {"cnn", "mlp"}) {
        shard::Row row = sample_row(fmt::format("{}{}", family, i));
        row.family.assign(family);
        table.add(row);
        const double width = row.family.view() == "cnn" ? 1 : 2;
        predicted.push_back(10 * std::exp(-width * (i / 50.0 - 1)));
      }
    }
  }
};

TEST(ConformalOffsets, AreTheTailsOfEachFamilysErrors) {
  const Spread spread;
  const auto offsets = conformal_offsets(spread.table, all_rows(spread.table),
                                         spread.predicted, 0.9, Sides::known);
  // Of 99 values the 5th and the 95th: a hundredth would be the new one.
  EXPECT_NEAR(offsets.of("cnn").lower, -0.9, 1e-9);
  EXPECT_NEAR(offsets.of("cnn").upper, 0.9, 1e-9);
  EXPECT_NEAR(offsets.of("mlp").upper, 1.8, 1e-9);
  EXPECT_LT(offsets.overall.upper, 1.8);
}

TEST(ConformalOffsets, IgnoreRowsWithoutAPrediction) {
  Spread spread;
  for (std::size_t i = 1; i < spread.predicted.size(); i += 2) {
    spread.predicted[i] = std::nan("");
  }
  const auto offsets = conformal_offsets(spread.table, all_rows(spread.table),
                                         spread.predicted, 0.9, Sides::known);
  EXPECT_TRUE(offsets.families.empty());
  EXPECT_EQ(offsets.overall.upper, offsets.of("cnn").upper);
}

TEST(ConformalOffsets, AreAsWideToBothSidesWhereTheSideIsNotKnown) {
  Spread spread;
  for (double& predicted : spread.predicted) predicted /= 10;  // all too low
  const auto offsets = conformal_offsets(spread.table, all_rows(spread.table),
                                         spread.predicted, 0.9, Sides::unknown);
  EXPECT_EQ(offsets.of("cnn").lower, -offsets.of("cnn").upper);
  EXPECT_NEAR(offsets.of("cnn").upper, std::log(10) + 0.8, 1e-9);
}

TEST(Coverage, CountsTheRowsInsideOfTheirIntervals) {
  MetaTable table;
  std::vector<Interval> intervals;
  for (int i = 0; i < 4; ++i) {
    shard::Row row = sample_row(fmt::format("t{}", i));
    row.t_star = 10;
    row.dataset.assign(i == 0 ? "svhn" : "mnist");
    table.add(row);
    intervals.push_back({10.0 * (i == 3 ? 0.5 : 1), 10.0 * (i == 1 ? 2 : 1)});
  }
  intervals[2] = {10.5, 21};
  const auto coverage = measure_coverage(table, all_rows(table), intervals);
  ASSERT_EQ(coverage.size(), 4U);
  EXPECT_EQ(coverage[0].group, "dataset=mnist");
  EXPECT_DOUBLE_EQ(coverage[0].covered, 2.0 / 3);
  EXPECT_DOUBLE_EQ(coverage[0].width, 2);
  EXPECT_EQ(coverage[1].group, "dataset=svhn");
  EXPECT_EQ(coverage[1].covered, 1);
  EXPECT_EQ(coverage[3].group, "overall");
  EXPECT_EQ(coverage[3].covered, 0.75);
  EXPECT_EQ(coverage[3].rows, 4);
}

TEST(Coverage, IsOfRowsThatHadNoSayInTheirIntervals) {
  const Spread spread;
  const Scheme scheme = kfold(spread.table, all_rows(spread.table), 3, 42);
  const auto coverage = measure_coverage(spread.table, scheme, spread.predicted,
                                         0.9, Sides::known);
  ASSERT_EQ(coverage.size(), 4U);
  for (const Coverage& group : coverage) {
    EXPECT_NEAR(group.covered, 0.9, 0.04) << group.group;
  }
  EXPECT_EQ(coverage[1].group, "family=cnn");
  EXPECT_NEAR(coverage[1].width, std::exp(1.8), 0.5);
  EXPECT_EQ(coverage[1].rows, 99);
}

}  // namespace
}  // namespace cape::predictor
