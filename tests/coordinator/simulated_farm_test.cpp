// Whole runs of coordinator and workers, on ranks of one process and with work
// that takes random time.
#include <gtest/gtest.h>

#include <map>

#include "coordinator/simulated_farm.h"
#include "grid/sample_grid.h"

namespace cape::coordinator {
namespace {

constexpr int kTurns = 100000;  // far more than any of these needs

/// How often each trajectory was measured, on all ranks together.
std::map<std::int64_t, int> measured(const SimulatedFarm& farm) {
  std::map<std::int64_t, int> counts;
  for (const SimulatedWorker& worker : farm.workers()) {
    for (const messaging::WorkItem& item : worker.measured())
      ++counts[item.index];
  }
  return counts;
}

class Farm : public ::testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Ranks, Farm, ::testing::Values(1, 2, 4));

TEST_P(Farm, MeasuresEveryTrajectoryOnceAndEnds) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimulatedFarm farm(grid, GetParam(), {}, seed);
    ASSERT_FALSE(farm.run(kTurns)) << seed;
    const auto counts = measured(farm);
    EXPECT_EQ(std::ssize(counts), grid.trajectories());
    for (const auto& [index, times] : counts) EXPECT_EQ(times, 1) << index;
    EXPECT_EQ(farm.coordinator().tally().rows, grid.cells());
    EXPECT_EQ(farm.coordinator().tally().left(), 0);
    EXPECT_EQ(farm.coordinator().exit_code(), kExitDone);
  }
}

TEST_P(Farm, MeasuresWhatIsMissingOfItsPart) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  // Of part 1 of 3: all of 4, two thirds of 7; and something of another part.
  const Coordinator::Options options{
      .part = {1, 3},
      .done = {{4, 0b111}, {7, 0b110}, {8, 0b111}},
      .done_before = 5};
  SimulatedFarm farm(grid, GetParam(), options, 1);
  ASSERT_FALSE(farm.run(kTurns));
  const auto counts = measured(farm);
  EXPECT_EQ(counts.size(), 119U);
  EXPECT_FALSE(counts.contains(4));
  EXPECT_TRUE(counts.contains(7));
  EXPECT_EQ(farm.coordinator().tally().total, 360);
  EXPECT_EQ(farm.coordinator().tally().rows, 355);
  EXPECT_EQ(farm.coordinator().exit_code(), kExitDone);
}

TEST_P(Farm, EndsAtOnceWhenAllIsDone) {
  const grid::Grid grid = grid::make_grid(grid::single_group());
  const Coordinator::Options options{.done = {{0, 0b11}, {1, 0b11}, {2, 0b11}},
                                     .done_before = 6};
  SimulatedFarm farm(grid, GetParam(), options, 1);
  ASSERT_FALSE(farm.run(kTurns));
  EXPECT_TRUE(measured(farm).empty());
  EXPECT_EQ(farm.coordinator().exit_code(), kExitDone);
}

TEST_P(Farm, CountsWhatFails) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  const auto judge = [](const messaging::WorkItem& item) {
    return item.index % 10 == 0 ? messaging::Verdict::quarantined
                                : messaging::Verdict::measured;
  };
  SimulatedFarm farm(grid, GetParam(), {}, 1, judge);
  ASSERT_FALSE(farm.run(kTurns));
  EXPECT_EQ(farm.coordinator().tally().failed, grid.cells() / 10);
  EXPECT_EQ(farm.coordinator().tally().left(), 0);
  EXPECT_EQ(farm.coordinator().exit_code(), kExitSomeFailed);
}

TEST_P(Farm, EndsThoughRanksGiveWorkBack) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  const auto judge = [](const messaging::WorkItem& item) {
    return item.index < 100 ? messaging::Verdict::not_started
                            : messaging::Verdict::measured;
  };
  SimulatedFarm farm(grid, GetParam(), {}, 1, judge);
  ASSERT_FALSE(farm.run(kTurns));
  EXPECT_EQ(farm.coordinator().tally().left(), 100 * 3);
  EXPECT_EQ(farm.coordinator().exit_code(), kExitStopped);
}

TEST_P(Farm, MeasuresWhatRanksGiveBackForOthersToDo) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    std::map<std::int64_t, int> tries;
    SimulatedFarm farm(grid, GetParam(), {}, seed,
                       [&](const messaging::WorkItem& item) {
                         return ++tries[item.index] < item.index % 4
                                    ? messaging::Verdict::returned
                                    : messaging::Verdict::measured;
                       });
    ASSERT_FALSE(farm.run(kTurns)) << seed;
    const auto counts = measured(farm);
    EXPECT_EQ(std::ssize(counts), grid.trajectories());
    for (const auto& [index, times] : counts) EXPECT_EQ(times, 1) << index;
    EXPECT_EQ(farm.coordinator().exit_code(), kExitDone);
  }
}

TEST_P(Farm, CountsWhatWasMeasuredWhenASignalEndsIt) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  for (const messaging::Ending ending :
       {messaging::Ending::drain, messaging::Ending::stop}) {
    SimulatedFarm farm(grid, GetParam(), {}, 1);
    ASSERT_TRUE(farm.run(30));
    farm.rank(static_cast<std::size_t>(GetParam()) - 1)
        .send(0, messaging::kTagSignalled, messaging::pack_one(ending));
    ASSERT_FALSE(farm.run(kTurns));
    const Tally& tally = farm.coordinator().tally();
    EXPECT_GT(tally.rows, 0);
    EXPECT_GT(tally.left(), 0);
    EXPECT_EQ(tally.rows, std::ssize(measured(farm)) * 3);
    EXPECT_EQ(farm.coordinator().exit_code(), kExitStopped);
  }
}

}  // namespace
}  // namespace cape::coordinator
