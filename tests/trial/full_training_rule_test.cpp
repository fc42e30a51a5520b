#include "trial/full_training_rule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace cape::trial {
namespace {

using ::testing::ElementsAre;

/// The training loss after so many updates, and the validation loss of an
/// epoch, from 1.
struct MadeUp {
  std::function<float(std::int64_t)> loss = [](std::int64_t) { return 1.F; };
  std::function<float(std::int64_t)> validation = [](std::int64_t) {
    return 1.F;
  };
};

FullTrainingRule run(const FullTraining& settings,
                     const std::vector<Criterion>& criteria,
                     const MadeUp& made_up, std::int64_t batch_size = 10) {
  FullTrainingRule rule(settings, batch_size, criteria);
  while (const auto wanted = rule.next()) {
    if (wanted->is_validation) {
      const std::int64_t epoch =
          wanted->updates / steps_per_epoch(settings, batch_size);
      rule.observe_validation(made_up.validation(epoch),
                              static_cast<float>(epoch) / 100);
    } else {
      rule.observe_loss(made_up.loss(wanted->updates));
    }
  }
  return rule;
}

std::function<float(std::int64_t)> epochs(std::vector<float> losses) {
  return [=](std::int64_t epoch) {
    return losses.at(static_cast<std::size_t>(epoch - 1));
  };
}

TEST(FullTrainingRule, LooksAtTheLossAtMostFivePercentLaterThanBefore) {
  std::vector<std::int64_t> looks = {0};
  while (looks.back() < 100'000) looks.push_back(next_look(looks.back()));
  for (std::int64_t t = 0; t <= 40; ++t) EXPECT_EQ(looks[t], t);
  for (std::size_t i = 21; i < looks.size(); ++i) {
    EXPECT_LE(looks[i], 1.05 * looks[i - 1]);
  }
}

TEST(FullTrainingRule, StopsPatienceEpochsBehindTheBest) {
  // 0.45 improves 0.5 by more than min_delta, 0.44 does not improve 0.45.
  const FullTraining settings{.patience = 2, .min_delta = 0.05, .samples = 105};
  const auto rule =
      run(settings, {EarlyStopping{2, 0.05}},
          {.validation = epochs({0.5F, 0.44F, 0.4F, 0.41F, 0.F})});
  const CriterionResult& result = rule.results().front();
  EXPECT_EQ(result.stop_reason, StopReason::converged);
  EXPECT_EQ(result.t_star, 40);  // 4 epochs of 10 steps
  EXPECT_EQ(result.steps_run, 40);
  EXPECT_FLOAT_EQ(static_cast<float>(result.final_loss), 0.41F);
  ASSERT_TRUE(result.best.has_value());
  EXPECT_EQ(result.best->epoch, 2);
  EXPECT_EQ(result.best->validation.loss, 0.44F);
  EXPECT_EQ(result.best->validation.score, 0.02F);
  // Nobody waits for a training loss but for the first.
  EXPECT_THAT(rule.losses(), ElementsAre(1.F));
}

TEST(FullTrainingRule, CountsTheUpdatesToAnEpsilonThatAreLookedAt) {
  const FullTraining settings{.samples = 1000};
  const auto rule =
      run(settings, {Epsilon{0.5}, Epsilon{0.25}},
          {.loss = [](std::int64_t t) { return t < 41 ? 4.F : 1.F; }});
  for (const CriterionResult& result : rule.results()) {
    EXPECT_EQ(result.t_star, 42);  // 40 is looked at, then 42
    EXPECT_EQ(result.final_loss, 1);
    EXPECT_FALSE(result.best.has_value());
  }
  EXPECT_TRUE(rule.validation_losses().empty());  // within the first epoch
}

TEST(FullTrainingRule, CensorsEpsilonsWhenTheTrainingStopsEarly) {
  const FullTraining settings{.max_epochs = 7, .patience = 3, .samples = 100};
  const auto rule = run(settings, {Epsilon{0.5}, EarlyStopping{3, 1e-4}}, {});
  const CriterionResult& epsilon = rule.results()[0];
  EXPECT_EQ(epsilon.stop_reason, StopReason::plateau);
  EXPECT_EQ(epsilon.t_star, 70);     // the cap
  EXPECT_EQ(epsilon.steps_run, 40);  // 4 epochs
  EXPECT_EQ(epsilon.final_loss, 1);
  EXPECT_EQ(rule.results()[1].t_star, 40);
  EXPECT_EQ(rule.results()[1].best->epoch, 1);
}

TEST(FullTrainingRule, CensorsWhatIsOpenAfterTheLastEpoch) {
  const FullTraining settings{.max_epochs = 4, .samples = 100};
  const auto rule =
      run(settings, {Epsilon{0.5}, EarlyStopping{}},
          {.validation = [](auto e) { return 1 / static_cast<float>(e); }});
  for (const CriterionResult& result : rule.results()) {
    EXPECT_EQ(result.stop_reason, StopReason::max_epochs);
    EXPECT_EQ(result.t_star, 40);
    EXPECT_EQ(result.steps_run, 40);
  }
  EXPECT_EQ(rule.results()[1].best->epoch, 4);
}

TEST(FullTrainingRule, CensorsByTheLossThatIsNotFinite) {
  const FullTraining settings{.samples = 100};
  const float kNan = std::numeric_limits<float>::quiet_NaN();
  const auto by_look =
      run(settings, {Epsilon{0.5}, EarlyStopping{}},
          {.loss = [=](auto t) { return t < 5 ? 1.F : kNan; }});
  EXPECT_EQ(by_look.results()[0].stop_reason, StopReason::non_finite);
  EXPECT_EQ(by_look.results()[0].steps_run, 5);
  EXPECT_EQ(by_look.results()[1].stop_reason, StopReason::converged);
  const auto by_validation = run(settings, {Epsilon{0.5}, EarlyStopping{}},
                                 {.validation = epochs({1.F, kNan})});
  for (const CriterionResult& result : by_validation.results()) {
    EXPECT_EQ(result.stop_reason, StopReason::non_finite);
    EXPECT_EQ(result.steps_run, 20);
  }
  EXPECT_EQ(by_validation.results()[1].best->epoch, 1);
}

TEST(FullTrainingRule, EndsWhereNoMoreThanTheFirstLossesAreWanted) {
  const FullTraining settings{.stop_after = 25, .samples = 100};
  const auto rule =
      run(settings, {Epsilon{0.5}, Epsilon{0.1}, EarlyStopping{}},
          {.loss = [](std::int64_t t) { return t < 7 ? 1.F : 0.5F; }});
  EXPECT_EQ(rule.losses().size(), 26U);
  EXPECT_EQ(rule.validation_losses().size(), 2U);
  EXPECT_EQ(rule.results()[0].t_star, 7);
  for (std::size_t c = 1; c < 3; ++c) {
    EXPECT_EQ(rule.results()[c].stop_reason, StopReason::max_steps);
    EXPECT_EQ(rule.results()[c].t_star, 1000);  // the cap
  }
}

TEST(FullTrainingRule, GivesACriterionWhatItAloneWouldGet) {
  Random random(7);
  for (int round = 0; round < 300; ++round) {
    const FullTraining settings{.max_epochs = 1 + random.below(30),
                                .patience = 6,
                                .min_delta = 0.02,
                                .samples = 20 + random.below(300)};
    const std::uint64_t seed = static_cast<std::uint64_t>(round);
    const double rate = 0.1 * random.uniform();
    const auto noisy = [=](std::int64_t t, double floor) {
      Random noise(seed * 10'000 + static_cast<std::uint64_t>(t));
      if (noise.uniform() < 0.002) {
        return std::numeric_limits<float>::infinity();
      }
      return static_cast<float>(floor +
                                2 * std::exp(-rate * static_cast<double>(t)) +
                                0.1 * noise.uniform());
    };
    const MadeUp made_up{
        .loss = [=](auto t) { return noisy(t, 0.1); },
        .validation = [=](auto e) { return noisy(5 * e + 5000, 0.4); }};
    const std::vector<Criterion> criteria = {
        Epsilon{0.1},           Epsilon{0.3},           Epsilon{0.8},
        EarlyStopping{2, 0.02}, EarlyStopping{4, 0.02}, EarlyStopping{6, 0.02}};
    const auto shared = run(settings, criteria, made_up);
    for (std::size_t c = 0; c < criteria.size(); ++c) {
      EXPECT_EQ(run(settings, {criteria[c]}, made_up).results().front(),
                shared.results()[c])
          << round << ", criterion " << c;
    }
  }
}

TEST(FullTrainingRule, RefusesFewerSamplesThanABatchHas) {
  EXPECT_THROW(FullTrainingRule({.samples = 9}, 10, {}), Error);
}

}  // namespace
}  // namespace cape::trial
