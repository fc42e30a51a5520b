#include "core/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <vector>

#include "core/error.h"

namespace cape {
namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<std::int64_t> draws(Random& random, std::int64_t bound, int count) {
  std::vector<std::int64_t> drawn(static_cast<std::size_t>(count));
  for (std::int64_t& draw : drawn) draw = random.below(bound);
  return drawn;
}

// The expected values below come from an implementation of mt19937_64 in
// another language: rows must not change from machine to machine.

TEST(Random, DrawsAreThoseOfTheStandardsGenerator) {
  Random random(42);
  EXPECT_THAT(draws(random, 1000, 5), ElementsAre(406, 824, 450, 662, 381));
  EXPECT_DOUBLE_EQ(random.uniform(), 0.09406831176283703);
}

TEST(Random, SampleIsTheSameOnEveryMachine) {
  Random random(7);
  EXPECT_THAT(random.sample(60000, 4), ElementsAre(51015, 8172, 54504, 24246));
}

TEST(Random, SeedsGiveDifferentDraws) {
  Random a(1);
  Random b(2);
  EXPECT_NE(draws(a, 1 << 30, 4), draws(b, 1 << 30, 4));
}

TEST(Random, BelowReachesEveryValueAboutAsOften) {
  Random random(3);
  std::array<int, 5> counts{};
  for (const std::int64_t draw : draws(random, 5, 10000)) {
    ASSERT_TRUE(draw >= 0 && draw < 5);
    ++counts[static_cast<std::size_t>(draw)];
  }
  // 2,000 each, standard deviation 40.
  EXPECT_THAT(counts,
              Each(testing::AllOf(testing::Gt(1800), testing::Lt(2200))));
}

TEST(Random, BelowOneIsZero) {
  Random random(4);
  EXPECT_THAT(draws(random, 1, 3), Each(0));
}

TEST(Random, BelowTakesTheLargestBound) {
  Random random(5);
  EXPECT_THAT(draws(random, INT64_MAX, 100), Each(testing::Ge(0)));
}

TEST(Random, UniformStaysInItsIntervalWithTheRightMean) {
  Random random(6);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double draw = random.uniform();
    ASSERT_TRUE(draw >= 0 && draw < 1);
    sum += draw;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);  // seven standard deviations
}

TEST(Random, ChooseReachesEveryOption) {
  Random random(8);
  const std::vector<int> options = {3, 5, 7};
  std::set<int> chosen;
  for (int i = 0; i < 100; ++i) {
    chosen.insert(random.choose(std::span<const int>(options)));
  }
  EXPECT_THAT(chosen, ElementsAre(3, 5, 7));
}

TEST(Random, SampleHasNoValueTwice) {
  Random random(9);
  const std::vector<std::int64_t> drawn = random.sample(1000, 500);
  const std::set<std::int64_t> distinct(drawn.begin(), drawn.end());
  EXPECT_EQ(drawn.size(), 500U);
  EXPECT_EQ(distinct.size(), 500U);
  EXPECT_GE(*distinct.begin(), 0);
  EXPECT_LT(*distinct.rbegin(), 1000);
}

TEST(Random, SampleOfAllIsAPermutation) {
  Random random(10);
  std::vector<std::int64_t> drawn = random.sample(6, 6);
  std::sort(drawn.begin(), drawn.end());
  EXPECT_THAT(drawn, ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(Random, SampleReachesEveryOrder) {
  Random random(11);
  std::set<std::vector<std::int64_t>> orders;
  for (int i = 0; i < 200; ++i) orders.insert(random.sample(3, 3));
  EXPECT_EQ(orders.size(), 6U);
}

TEST(Random, SampleOfMoreThanThereAreIsAnError) {
  Random random(12);
  EXPECT_THROW(random.sample(3, 4), Error);
  EXPECT_THAT(random.sample(3, 0), testing::IsEmpty());
}

}  // namespace
}  // namespace cape
