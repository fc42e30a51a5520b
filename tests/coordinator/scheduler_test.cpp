#include "coordinator/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "grid/sample_grid.h"

namespace cape::coordinator {
namespace {

bool always(std::int64_t) { return true; }

/// Hands out all there is, by turns to ranks of 1, 2 and 3 trainers.
std::vector<std::vector<messaging::WorkItem>> take_all(Scheduler& scheduler) {
  std::vector<std::vector<messaging::WorkItem>> chunks;
  for (std::int64_t turn = 0;; ++turn) {
    chunks.push_back(scheduler.take(1 + turn % 3, 6, always));
    if (!chunks.back().empty()) continue;
    chunks.pop_back();
    return chunks;
  }
}

/// How often each trajectory was handed out.
std::map<std::int64_t, int> count(
    const std::vector<std::vector<messaging::WorkItem>>& chunks) {
  std::map<std::int64_t, int> counts;
  for (const auto& chunk : chunks) {
    for (const messaging::WorkItem& item : chunk) ++counts[item.index];
  }
  return counts;
}

/// One group: all trajectories cost the same.
grid::Grid flat_grid(std::int64_t trials) {
  grid::Config config = grid::single_group();
  config.grid.trials = trials;
  return grid::make_grid(config);
}

double cost_of(const grid::Grid& grid, const std::set<std::int64_t>& indices) {
  double sum = 0;
  for (const std::int64_t index : indices) sum += grid.expected_flops(index);
  return sum;
}

TEST(Scheduler, HandsOutEveryTrajectoryOfTheGridOnce) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  Scheduler scheduler(grid, {}, {});
  EXPECT_EQ(scheduler.trajectories(), grid.trajectories());
  EXPECT_EQ(scheduler.cells(), grid.cells());
  const auto counts = count(take_all(scheduler));
  EXPECT_EQ(std::ssize(counts), grid.trajectories());
  for (const auto& [index, times] : counts) EXPECT_EQ(times, 1) << index;
  EXPECT_TRUE(scheduler.exhausted());
  EXPECT_FALSE(scheduler.passed_over());
}

TEST(Scheduler, DividesTheGridIntoDisjointPartsThatCoverIt) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  for (const std::int64_t parts : {1, 2, 3, 7, 1000}) {
    std::map<std::int64_t, int> counts;
    std::int64_t trajectories = 0, cells = 0;
    for (std::int64_t part = 0; part < parts; ++part) {
      Scheduler scheduler(grid, {part, parts}, {});
      trajectories += scheduler.trajectories();
      cells += scheduler.cells();
      const auto own = count(take_all(scheduler));
      EXPECT_EQ(std::ssize(own), scheduler.trajectories());
      for (const auto& [index, times] : own) counts[index] += times;
    }
    EXPECT_EQ(trajectories, grid.trajectories()) << parts;
    EXPECT_EQ(cells, grid.cells()) << parts;
    EXPECT_EQ(std::ssize(counts), grid.trajectories()) << parts;
    for (const auto& [index, times] : counts) EXPECT_EQ(times, 1) << index;
  }
}

TEST(Scheduler, MakesPartsThatDifferByNoMoreThanATrajectory) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  std::vector<double> costs;
  for (std::int64_t part = 0; part < 7; ++part) {
    costs.push_back(Scheduler(grid, {part, 7}, {}).total_flops());
  }
  const auto [least, most] = std::minmax_element(costs.begin(), costs.end());
  EXPECT_LE(*most - *least, grid.expected_flops(0));
}

TEST(Scheduler, AsksForTheMissingEpsilonsOnly) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  DoneMap done = {{0, 0b111}, {7, 0b101}, {8, 0b010}, {359, 0b111}};
  Scheduler scheduler(grid, {}, done);
  std::map<std::int64_t, trial::CriterionMask> asked;
  for (const auto& chunk : take_all(scheduler)) {
    for (const messaging::WorkItem& item : chunk) asked[item.index] = item.mask;
  }
  EXPECT_EQ(asked.size(), 358U);
  EXPECT_FALSE(asked.contains(0));
  EXPECT_FALSE(asked.contains(359));
  EXPECT_EQ(asked.at(7), 0b010U);
  EXPECT_EQ(asked.at(8), 0b101U);
  EXPECT_EQ(asked.at(9), 0b111U);
}

TEST(Scheduler, CountsTheCostOfWhatItsPartStillHasToDo) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  // 6 is of the other part, and 3 needs one more epsilon.
  Scheduler scheduler(grid, {1, 2}, {{5, 0b111}, {6, 0b111}, {3, 0b011}});
  std::set<std::int64_t> left;
  for (std::int64_t i = 1; i < grid.trajectories(); i += 2) left.insert(i);
  left.erase(5);
  const double all = cost_of(grid, left);
  EXPECT_NEAR(scheduler.total_flops(), all, 1e-9 * all);
  EXPECT_EQ(scheduler.remaining_flops(), scheduler.total_flops());
  for (const messaging::WorkItem& item : scheduler.take(3, 3, always)) {
    left.erase(item.index);
  }
  EXPECT_NEAR(scheduler.remaining_flops(), cost_of(grid, left), 1e-9 * all);
  take_all(scheduler);
  EXPECT_NEAR(scheduler.remaining_flops(), 0, 1e-9 * all);
  EXPECT_NEAR(scheduler.total_flops(), all, 1e-9 * all);
}

TEST(Scheduler, HandsOutTheDearestFirst) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  Scheduler scheduler(grid, {}, {});
  double last = std::numeric_limits<double>::infinity();
  for (const auto& chunk : take_all(scheduler)) {
    for (const messaging::WorkItem& item : chunk) {
      EXPECT_LE(grid.expected_flops(item.index), last);
      last = grid.expected_flops(item.index);
    }
  }
}

TEST(Scheduler, ShrinksItsChunksTowardTheEnd) {
  const grid::Grid grid = flat_grid(1000);
  Scheduler scheduler(grid, {}, {});
  std::vector<std::size_t> sizes;
  while (!scheduler.exhausted()) {
    sizes.push_back(scheduler.take(1, 4, always).size());
  }
  EXPECT_TRUE(std::is_sorted(sizes.rbegin(), sizes.rend()));
  // A tenth of a quarter of the thousand; single trajectories at the end.
  EXPECT_NEAR(static_cast<double>(sizes.front()), 25, 1);
  EXPECT_EQ(sizes.back(), 1U);
}

TEST(Scheduler, GivesEveryTrainerATrajectoryWhileThereAreAny) {
  const grid::Grid grid = flat_grid(10);
  Scheduler scheduler(grid, {}, {});
  EXPECT_EQ(scheduler.take(4, 100, always).size(), 4U);
  EXPECT_EQ(scheduler.take(4, 100, always).size(), 4U);
  EXPECT_EQ(scheduler.take(4, 100, always).size(), 2U);
  EXPECT_TRUE(scheduler.exhausted());
  EXPECT_TRUE(scheduler.take(4, 100, always).empty());
}

TEST(Scheduler, BoundsALeaseInAHugeGridAndTakesNoTimeForItsTrials) {
  const grid::Grid grid = flat_grid(std::numeric_limits<std::uint32_t>::max());
  Scheduler scheduler(grid, {}, {});
  EXPECT_EQ(scheduler.trajectories(), grid.trajectories());
  EXPECT_EQ(scheduler.take(1, 1, always).size(), 1000U);
}

TEST(Scheduler, PassesOverTheGroupsThatDoNotFitAndAsksOnceAGroup) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  Scheduler scheduler(grid, {}, {});
  std::vector<std::int64_t> asked;
  // Only the cheapest group fits.
  const auto items = scheduler.take(1000, 1000, [&](std::int64_t index) {
    asked.push_back(index);
    return index >= 355;
  });
  EXPECT_EQ(std::ssize(asked), grid.groups());
  EXPECT_EQ(items.size(), 5U);
  EXPECT_EQ(items.front().index, 355);
  EXPECT_TRUE(scheduler.exhausted());
  EXPECT_TRUE(scheduler.passed_over());
  EXPECT_NEAR(scheduler.remaining_flops(), 0, 1e-9 * scheduler.total_flops());
}

TEST(Scheduler, PassesOverTheRestOfAGroupThatNoLongerFits) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  Scheduler scheduler(grid, {1, 2}, {});
  EXPECT_EQ(scheduler.take(1, 1000, always).front().index, 1);
  // The part has 3 of the first group's 0 ... 4, and then 5 is its next.
  const auto next =
      scheduler.take(1, 1000, [](std::int64_t index) { return index >= 5; });
  EXPECT_EQ(next.front().index, 5);
  EXPECT_TRUE(scheduler.passed_over());
}

TEST(Scheduler, HandsOutAgainWhatWasGivenBack) {
  const grid::Grid grid = grid::make_grid(grid::many_groups());
  Scheduler scheduler(grid, {}, {});
  const auto first = scheduler.take(3, 3, always);
  const double remaining = scheduler.remaining_flops();
  scheduler.give_back({first[1].index, 0b010});
  EXPECT_NEAR(scheduler.remaining_flops(),
              remaining + grid.expected_flops(first[1].index), 1);
  const auto second = scheduler.take(1, 1000, always);
  EXPECT_EQ(second.front().index, first[1].index);
  EXPECT_EQ(second.front().mask, 0b010U);
  take_all(scheduler);
  EXPECT_TRUE(scheduler.exhausted());
  scheduler.give_back(first[0]);
  EXPECT_FALSE(scheduler.exhausted());
  EXPECT_EQ(scheduler.take(5, 5, always).size(), 1U);
  EXPECT_TRUE(scheduler.exhausted());
}

TEST(Scheduler, PassesOverWhatWasGivenBackAndDoesNotFit) {
  const grid::Grid grid = grid::make_grid(grid::single_group());
  Scheduler scheduler(grid, {}, {});
  scheduler.give_back(scheduler.take(3, 3, always).front());
  EXPECT_TRUE(scheduler.take(1, 1, [](std::int64_t) { return false; }).empty());
  EXPECT_TRUE(scheduler.exhausted());
  EXPECT_TRUE(scheduler.passed_over());
}

TEST(Scheduler, DoesNotPassOverWhatIsDone) {
  const grid::Grid grid = grid::make_grid(grid::single_group());
  Scheduler scheduler(grid, {}, {{0, 0b11}, {1, 0b11}, {2, 0b11}});
  EXPECT_TRUE(scheduler.take(1, 1, [](std::int64_t) { return false; }).empty());
  EXPECT_TRUE(scheduler.exhausted());
  EXPECT_FALSE(scheduler.passed_over());
  EXPECT_EQ(scheduler.total_flops(), 0);
}

TEST(CountInPart, CountsAStride) {
  EXPECT_EQ(grid::count_in_part({0, 1}, 10), 10);
  EXPECT_EQ(grid::count_in_part({0, 3}, 10), 4);
  EXPECT_EQ(grid::count_in_part({1, 3}, 10), 3);
  EXPECT_EQ(grid::count_in_part({2, 3}, 10), 3);
  EXPECT_EQ(grid::count_in_part({6, 7}, 3), 0);
  EXPECT_EQ(grid::count_in_part({6, 7}, 0), 0);
}

}  // namespace
}  // namespace cape::coordinator
