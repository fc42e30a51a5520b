#include "zoo/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "shapes.h"
#include "zoo/catalog.h"

namespace cape::zoo {
namespace {

using ::testing::Contains;
using ::testing::UnorderedElementsAre;

constexpr int kDraws = 9000;

/// How often each architecture is drawn, by its short name.
std::map<std::string, int> draws(const Shape& sample) {
  std::map<std::string, int> counts;
  Random random(2024);
  for (int draw = 0; draw < kDraws; ++draw) {
    ++counts[short_name(sample_published("mlp", sample, 10, random))];
  }
  return counts;
}

std::vector<std::string> names(const std::map<std::string, int>& counts) {
  std::vector<std::string> all;
  all.reserve(counts.size());
  for (const auto& [name, count] : counts) all.push_back(name);
  return all;
}

/// Pearson's statistic against equal frequencies.
double chi_square(const std::map<std::string, int>& counts) {
  const double expected = kDraws / static_cast<double>(counts.size());
  double sum = 0;
  for (const auto& [name, count] : counts) {
    sum += (count - expected) * (count - expected) / expected;
  }
  return sum;
}

TEST(PublishedSampler, DrawsNarrowAndShallowMlpsForGreyImages) {
  EXPECT_THAT(names(draws(kGrey)),
              UnorderedElementsAre("mlp_2x128", "mlp_2x256", "mlp_2x512",
                                   "mlp_3x128", "mlp_3x256", "mlp_3x512"));
}

TEST(PublishedSampler, DrawsWiderAndDeeperMlpsForColouredImages) {
  EXPECT_THAT(names(draws(kColour)),
              UnorderedElementsAre("mlp_2x256", "mlp_2x512", "mlp_2x1024",
                                   "mlp_3x256", "mlp_3x512", "mlp_3x1024",
                                   "mlp_4x256", "mlp_4x512", "mlp_4x1024"));
}

TEST(PublishedSampler, DrawsEveryChoiceAsOftenAsTheOthers) {
  // Exceeded by one uniform sampler in a thousand (5 and 8 degrees of freedom).
  EXPECT_LT(chi_square(draws(kGrey)), 20.5);
  EXPECT_LT(chi_square(draws(kColour)), 26.1);
}

TEST(PublishedSampler, GivesWhatIsNotDrawnItsPublishedValue) {
  Random random(3);
  for (int draw = 0; draw < 100; ++draw) {
    const auto mlp =
        std::get<Mlp>(sample_published("mlp", kColour, 10, random));
    EXPECT_EQ(mlp, (Mlp{.layers = mlp.layers, .width = mlp.width}));
  }
}

TEST(PublishedSampler, DrawsTheSameFromTheSameSeed) {
  Random one(7), two(7);
  for (int draw = 0; draw < 100; ++draw) {
    EXPECT_EQ(sample_published("mlp", kGrey, 10, one),
              sample_published("mlp", kGrey, 10, two));
  }
}

TEST(PublishedSampler, CountsSamplesWithoutChannelsAsGrey) {
  Random one(7), two(7);
  EXPECT_EQ(sample_published("mlp", {784}, 10, one),
            sample_published("mlp", kGrey, 10, two));
}

TEST(PublishedSampler, IsThereForKnownFamiliesOnly) {
  EXPECT_FALSE(sampled_families().empty());
  Random random(1);
  for (const std::string& name : sampled_families()) {
    EXPECT_THAT(families(), Contains(name));
    EXPECT_EQ(family(sample_published(name, kGrey, 10, random)), name);
  }
  EXPECT_THROW(sample_published("perceptron", kGrey, 10, random), UserError);
}

}  // namespace
}  // namespace cape::zoo
