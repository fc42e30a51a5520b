#include "predictor/data/curves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "predictor/rows.h"
#include "shard/reader.h"
#include "shard/writer.h"

namespace cape::predictor {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::FloatNear;
using testing::IsNan;
using testing::Pair;

/// L_t = 3 exp(slope t).
std::vector<float> losses_of(double slope, int count) {
  std::vector<float> losses;
  for (int t = 0; t < count; ++t) {
    losses.push_back(static_cast<float>(3 * std::exp(slope * t)));
  }
  return losses;
}

/// Two rows of one trajectory.
std::vector<shard::Row> rows_of(const std::string& trajectory) {
  std::vector<shard::Row> rows;
  for (const double epsilon : {0.1, 0.2}) {
    rows.push_back(sample_row(trajectory));
    rows.back().key.assign(fmt::format("{}/{}", trajectory, epsilon));
    rows.back().epsilon = epsilon;
  }
  return rows;
}

/// Curves one behind the other: those with losses from each of `starts` on.
shard::Curve curve_of(const std::vector<float>& losses,
                      const std::vector<std::int32_t>& starts) {
  std::vector<std::int32_t> steps;
  for (std::int32_t i = 0; i < std::ssize(losses); ++i) {
    const auto start = std::ranges::find_if(
        starts.rbegin(), starts.rend(), [i](auto first) { return first <= i; });
    steps.push_back(i - *start);
  }
  return {losses, steps};
}

class CurveSlopes : public testing::Test {
 protected:
  CurveSlopes() {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~CurveSlopes() override { fs::remove_all(folder_); }

  /// Those of the trajectories in the shards of the folder, by name.
  std::map<std::string, float> slopes() {
    const shard::MergedTable merged({folder_});
    for (std::size_t i = 0; i < merged.size(); ++i) table_.add(merged.row(i));
    read_curves(merged, table_.rows.size() - merged.size(), table_);
    EXPECT_EQ(table_.curve_slopes.size(), table_.trajectories.size());
    std::map<std::string, float> slopes;
    for (std::uint32_t i = 0; i < table_.trajectories.size(); ++i) {
      slopes[table_.trajectories.text(i)] = table_.curve_slopes[i];
    }
    return slopes;
  }

  const fs::path folder_ =
      fs::path(testing::TempDir()) /
      testing::UnitTest::GetInstance()->current_test_info()->name();
  MetaTable table_;
};

TEST_F(CurveSlopes, AreThoseOfEachTrajectorysOwnLosses) {
  // In an order other than the table's, and in two files.
  shard::ShardWriter writer({.directory = folder_,
                             .prefix = "a",
                             .rows_per_shard = 6,
                             .provenance = {}});
  writer.add(rows_of("short"), losses_of(-0.5, 59));
  writer.add(rows_of("steep"), losses_of(-0.25, 60));
  writer.add(rows_of("none"), {});
  writer.add(rows_of("flat"), losses_of(-0.0625, 200));
  writer.add(rows_of("rising"), losses_of(0.03125, 61));
  writer.flush();
  ASSERT_EQ(shard::shards_in(folder_).size(), 2U);

  EXPECT_THAT(slopes(), ElementsAre(Pair("flat", FloatNear(-0.0625F, 1e-6F)),
                                    Pair("none", IsNan()),
                                    Pair("rising", FloatNear(0.03125F, 1e-6F)),
                                    Pair("short", IsNan()),
                                    Pair("steep", FloatNear(-0.25F, 1e-6F))));
}

TEST_F(CurveSlopes, ComeWithTheFirstLossesAsFarAsRowsRan) {
  std::vector<float> losses(200);
  std::iota(losses.begin(), losses.end(), 100.F);
  std::vector<shard::Row> rows;
  for (const auto& [name, offset, length] :
       std::vector<std::tuple<std::string, int, int>>{
           {"first", 0, 9}, {"later", 50, 40}, {"short", 20, 8}}) {
    rows.push_back(sample_row(name));
    rows.back().curve_offset = offset;
    rows.back().curve_length = length;
  }
  std::ofstream(folder_ / "a.h5", std::ios::binary)
      << shard::shard_image(rows, curve_of(losses, {0, 20, 50}), {});
  slopes();
  std::map<std::string, FirstLosses> found;
  for (const MetaRow& row : table_.rows) {
    found[table_.trajectories.text(row.trajectory)] = row.first_losses;
  }
  for (const auto& [name, first, count] :
       std::vector<std::tuple<std::string, float, std::size_t>>{
           {"first", 100, 9}, {"later", 150, 33}, {"short", 120, 8}}) {
    for (std::size_t t = 0; t < count; ++t) {
      EXPECT_EQ(found[name][t], first + static_cast<float>(t)) << name;
    }
    EXPECT_THAT(std::span(found[name]).subspan(count), testing::Each(IsNan()))
        << name;
  }
}

TEST_F(CurveSlopes, ComeWithTheFirstLossesOfWholeTrainingsWithoutASlope) {
  std::vector<std::int32_t> steps(70);
  std::iota(steps.begin(), steps.end(), 0);
  const std::vector<float> losses = losses_of(-0.25, 70);
  shard::ShardWriter writer(
      {.directory = folder_, .prefix = "a", .provenance = {}});
  writer.add(rows_of_training(1), shard::Curve(losses, steps));
  for (std::size_t t = 20; t < 70; ++t) steps[t] = 2 * steps[t] - 20;
  writer.add(rows_of_training(2), shard::Curve(losses, steps));
  writer.flush();
  slopes();
  EXPECT_THAT(table_.curve_slopes, testing::Each(IsNan()));
  int with_losses = 0;
  for (const MetaRow& row : table_.rows) {
    if (row.counts_epochs) {
      EXPECT_THAT(row.first_losses, testing::Each(IsNan()));
      continue;
    }
    const bool has_all = has_first_losses(row, 32);
    with_losses += has_all ? 1 : 0;
    // Of the other one no look was left out before the 21st.
    for (std::size_t t = 0; t < row.first_losses.size(); ++t) {
      if (has_all || t <= 20) {
        EXPECT_EQ(row.first_losses[t], losses[t]);
      } else {
        EXPECT_TRUE(std::isnan(row.first_losses[t])) << t;
      }
    }
  }
  EXPECT_EQ(with_losses, 1);
}

TEST_F(CurveSlopes, AreNotTakenOfLossesWithStepsLeftOut) {
  std::vector<std::int32_t> steps(60);
  std::iota(steps.begin(), steps.end(), 0);
  const std::vector<float> losses = losses_of(-0.25, 60);
  shard::ShardWriter writer(
      {.directory = folder_, .prefix = "a", .provenance = {}});
  writer.add(rows_of("every"), shard::Curve(losses, steps));
  for (std::size_t t = 40; t < 60; ++t) steps[t] = 2 * steps[t] - 40;
  writer.add(rows_of("fewer"), shard::Curve(losses, steps));
  writer.flush();
  EXPECT_THAT(slopes(), ElementsAre(Pair("every", FloatNear(-0.25F, 1e-6F)),
                                    Pair("fewer", IsNan())));
}

TEST_F(CurveSlopes, LeaveRowsThatWereReadBeforeAsTheyAre) {
  table_.add(sample_row("before"));
  table_.curve_slopes = {-1};
  shard::ShardWriter writer(
      {.directory = folder_, .prefix = "a", .provenance = {}});
  writer.add(rows_of("after"), losses_of(-0.25, 60));
  writer.flush();
  EXPECT_THAT(slopes(), ElementsAre(Pair("after", FloatNear(-0.25F, 1e-6F)),
                                    Pair("before", -1)));
}

TEST_F(CurveSlopes, AreNoneWhereTheShardDoesNotHoldTheCurve) {
  std::vector<shard::Row> rows;
  for (const auto& [name, offset] : std::map<std::string, int>{
           {"held", 10}, {"beyond", 11}, {"unset", -1}}) {
    rows.push_back(sample_row(name));
    rows.back().curve_offset = offset;
    rows.back().curve_length = 60;
  }
  std::ofstream(folder_ / "a.h5", std::ios::binary)
      << shard::shard_image(rows, curve_of(losses_of(-0.25, 70), {0, 10}), {});
  EXPECT_THAT(slopes(), ElementsAre(Pair("beyond", IsNan()),
                                    Pair("held", FloatNear(-0.25F, 1e-6F)),
                                    Pair("unset", IsNan())));
}

}  // namespace
}  // namespace cape::predictor
