#include "trial/stopping_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/random.h"
#include "trial/sample.h"

namespace cape::trial {
namespace {

using ::testing::ElementsAre;

/// L_t as a function of t.
using Curve = std::function<double(std::int64_t)>;

/// Feeds L_0, L_1, ... until the rule wants no more.
StoppingRule run(const BatchSteps& settings,
                 const std::vector<double>& epsilons, const Curve& curve) {
  StoppingRule rule(settings, criteria_of(epsilons));
  for (std::int64_t t = 0; rule.observe(curve(t)); ++t) {
  }
  return rule;
}

CriterionResult run_one(const BatchSteps& settings, double epsilon,
                        const Curve& curve) {
  return run(settings, {epsilon}, curve).results().at(0);
}

Curve listed(const std::vector<double>& losses) {
  return [=](std::int64_t t) { return losses.at(static_cast<size_t>(t)); };
}

/// No curve is a plateau to these.
BatchSteps without_plateau(std::int64_t max_steps) {
  return {.max_steps = max_steps, .plateau_tolerance = -kInfinity};
}

double constant(std::int64_t) { return 2; }

TEST(StoppingRule, ConvergesAtTheFirstLossNotAboveEpsilonTimesTheInitial) {
  const auto result =
      run_one({}, 0.25, listed({4, 3, 2, 1.5, 1, 0.5}));  // 1 == 0.25 * 4
  EXPECT_EQ(result.stop_reason, StopReason::converged);
  EXPECT_TRUE(result.converged());
  EXPECT_EQ(result.criterion, Criterion(Epsilon{0.25}));
  EXPECT_EQ(result.t_star, 4);
  EXPECT_EQ(result.steps_run, 4);
  EXPECT_EQ(result.final_loss, 1);
}

TEST(StoppingRule, RecordsOnWithoutChangingWhatItFound) {
  const Curve halving = [](std::int64_t t) {
    return 4 * std::pow(0.5, static_cast<double>(t));
  };
  const StoppingRule short_rule = run({}, {0.25, 0.125}, halving);
  const StoppingRule long_rule =
      run({.record_at_least = 60}, {0.25, 0.125}, halving);
  EXPECT_EQ(short_rule.losses().size(), 4U);
  EXPECT_EQ(long_rule.losses().size(), 60U);
  EXPECT_EQ(long_rule.results(), short_rule.results());
}

TEST(StoppingRule, RecordsOnAfterAPlateauUpToTheCapAndWhileLossesAreFinite) {
  const auto lengths = [](std::int64_t max_steps, const Curve& curve) {
    const StoppingRule rule = run(
        {.max_steps = max_steps, .plateau_window = 5, .record_at_least = 60},
        {0.25}, curve);
    EXPECT_EQ(rule.results()[0].stop_reason, StopReason::plateau);
    EXPECT_EQ(rule.results()[0].steps_run, 4);
    return rule.losses().size();
  };
  EXPECT_EQ(lengths(5000, constant), 60U);
  EXPECT_EQ(lengths(40, constant), 40U);
  EXPECT_EQ(
      lengths(5000, [](std::int64_t t) { return t < 20 ? 2 : kInfinity; }),
      21U);
}

TEST(StoppingRule, NeverConvergesBeforeTheFirstUpdate) {
  // An initial loss of zero meets any threshold, at t = 1 as the earliest.
  EXPECT_EQ(run_one({}, 0.1, listed({0, 0})).t_star, 1);
  EXPECT_TRUE(StoppingRule({}, criteria_of({0.5})).observe(0));
}

TEST(StoppingRule, ComparesWithTheInitialLossEvenAfterTheLossHasRisen) {
  EXPECT_EQ(run_one({}, 0.5, listed({1, 100, 49, 0.51, 0.5})).t_star, 4);
}

TEST(StoppingRule, FindsAPlateauFirstWhenTheWindowIsFull) {
  const auto rule = run({}, {0.1}, constant);
  const CriterionResult result = rule.results().at(0);
  EXPECT_EQ(result.stop_reason, StopReason::plateau);
  EXPECT_FALSE(result.converged());
  EXPECT_EQ(result.steps_run, 199);
  EXPECT_EQ(result.t_star, 5000);
  EXPECT_EQ(result.final_loss, 2);
  EXPECT_EQ(rule.losses().size(), 200U);
}

TEST(StoppingRule, ComparesTheEndsOfTheWindowRelativeToTheOlderOne) {
  // Window 4: L_{t-3} against L_t. The improvements are exact in binary.
  const BatchSteps settings{.plateau_window = 4, .plateau_tolerance = 0.25};
  // (8 - 6) / 8 is the tolerance itself: no plateau; (8 - 7) / 8 is one.
  EXPECT_EQ(run_one(settings, 0.01, listed({8, 8, 8, 6, 6, 7})).steps_run, 5);
  EXPECT_EQ(run_one(settings, 0.01, listed({8, 9, 9, 7})).steps_run, 3);
  // What happens inside of the window does not count.
  EXPECT_EQ(run_one(settings, 0.01, listed({8, 100, 0.1, 6, 80})).steps_run, 4);
}

TEST(StoppingRule, CountsARisingLossAsAPlateau) {
  const BatchSteps settings{.plateau_window = 3};
  EXPECT_EQ(run_one(settings, 0.5, listed({1, 2, 3})).stop_reason,
            StopReason::plateau);
}

TEST(StoppingRule, TestsThresholdsBeforeThePlateau) {
  // The loss meets epsilon, and has improved by less than the tolerance.
  const BatchSteps settings{.plateau_window = 2, .plateau_tolerance = 0.99};
  EXPECT_EQ(run_one(settings, 0.5, listed({8, 0.5})).stop_reason,
            StopReason::converged);
  const auto rule = run(settings, {0.5, 0.1}, listed({8, 4}));
  EXPECT_EQ(rule.results().at(0).stop_reason, StopReason::converged);
  EXPECT_EQ(rule.results().at(1).stop_reason, StopReason::plateau);
}

TEST(StoppingRule, SeesAsManyLossesAsThereMayBeSteps) {
  const auto rule = run(without_plateau(7), {0.1}, constant);
  const CriterionResult result = rule.results().at(0);
  EXPECT_THAT(rule.losses(), ElementsAre(2, 2, 2, 2, 2, 2, 2));
  EXPECT_EQ(result.stop_reason, StopReason::max_steps);
  EXPECT_EQ(result.t_star, 7);
  EXPECT_EQ(result.steps_run, 6);
  EXPECT_EQ(result.final_loss, 2);
}

TEST(StoppingRule, ConvergesAtTheLastLossThereMayBe) {
  const auto result = run_one(without_plateau(3), 0.5, listed({4, 3, 2}));
  EXPECT_EQ(result.stop_reason, StopReason::converged);
  EXPECT_EQ(result.t_star, 2);
}

TEST(StoppingRule, PrefersThePlateauToTheCap) {
  EXPECT_EQ(run_one({.max_steps = 200}, 0.1, constant).stop_reason,
            StopReason::plateau);
}

TEST(StoppingRule, EndsAtALossThatIsNotFinite) {
  for (const double bad :
       {kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN()}) {
    const auto result = run_one({}, 0.1, listed({2, 1, bad}));
    EXPECT_EQ(result.stop_reason, StopReason::non_finite);
    EXPECT_EQ(result.t_star, 5000);
    EXPECT_EQ(result.steps_run, 2);
    EXPECT_FALSE(std::isfinite(result.final_loss));
  }
  EXPECT_EQ(run_one({}, 0.1, listed({kInfinity})).steps_run, 0);
}

TEST(StoppingRule, KeepsWhatConvergedBeforeTheLossBroke) {
  const auto rule = run({}, {0.1, 0.5}, listed({2, 1, kInfinity}));
  EXPECT_EQ(rule.results().at(0).stop_reason, StopReason::non_finite);
  EXPECT_EQ(rule.results().at(1).stop_reason, StopReason::converged);
  EXPECT_EQ(rule.results().at(1).t_star, 1);
}

TEST(StoppingRule, AnswersInTheOrderOfTheEpsilonsGiven) {
  const auto rule = run({}, {0.5, 0.1, 0.9}, listed({10, 9, 5, 1}));
  ASSERT_EQ(rule.results().size(), 3U);
  EXPECT_EQ(rule.results()[0].t_star, 2);
  EXPECT_EQ(rule.results()[1].t_star, 3);
  EXPECT_EQ(rule.results()[2].t_star, 1);
  EXPECT_THAT(rule.losses(), ElementsAre(10, 9, 5, 1));
}

/// A falling, noisy curve that may level off, jump or break.
std::vector<double> random_curve(Random& random, std::size_t length) {
  const double rate = 0.1 * random.uniform();
  const double floor = random.uniform() * 0.5;
  const double noise = random.uniform() * 0.3;
  std::vector<double> losses;
  for (std::size_t t = 0; t < length; ++t) {
    const double smooth =
        floor + (1 - floor) * std::exp(-rate * static_cast<double>(t));
    losses.push_back(static_cast<float>(
        2.3 * smooth * (1 + noise * (random.uniform() - 0.5))));
  }
  if (random.below(4) == 0) {
    losses[static_cast<std::size_t>(
        random.below(static_cast<std::int64_t>(length)))] = kInfinity;
  }
  return losses;
}

TEST(StoppingRule, GivesEachEpsilonWhatItsOwnRunWouldGive) {
  Random random(11);
  const std::vector<double> epsilons = {0.2, 0.05, 0.9, 0.5, 0.35, 0.7};
  int seen[4] = {};
  for (int round = 0; round < 500; ++round) {
    const BatchSteps settings{
        .max_steps = 1 + random.below(120),
        .plateau_window = 2 + random.below(60),
        .plateau_tolerance = 0.3 * random.uniform() - 0.1};
    const Curve curve = listed(random_curve(random, 120));
    const auto shared = run(settings, epsilons, curve);
    std::size_t longest = 0;
    for (std::size_t e = 0; e < epsilons.size(); ++e) {
      const auto own = run(settings, {epsilons[e]}, curve);
      EXPECT_EQ(shared.results()[e], own.results()[0]) << round;
      longest = std::max(longest, own.losses().size());
      ++seen[static_cast<int>(own.results()[0].stop_reason)];
    }
    // And it runs no longer than the longest of them.
    EXPECT_EQ(shared.losses().size(), longest) << round;
  }
  // The curves reached every way to stop.
  for (const int count : seen) EXPECT_GT(count, 50);
}

}  // namespace
}  // namespace cape::trial
