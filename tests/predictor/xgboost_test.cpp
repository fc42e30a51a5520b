#include "predictor/models/xgboost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace cape::predictor {
namespace {

const std::vector<std::string> kNames = {"log_p", "log_b"};

/// y = x0 - x1 / 2 on 2,000 random points.
struct Sample {
  Matrix x = Matrix(2000, 2);
  std::vector<float> y;

  Sample() {
    Random random(1);
    for (std::size_t i = 0; i < x.rows; ++i) {
      x.at(i, 0) = static_cast<float>(random.uniform());
      x.at(i, 1) = static_cast<float>(random.uniform());
      y.push_back(x.at(i, 0) - x.at(i, 1) / 2);
    }
  }
};

TEST(Booster, LearnsASimpleFunction) {
  const Sample sample;
  const Booster booster = Booster::train({sample.x, sample.y}, kNames, {});
  const std::vector<float> predicted = booster.predict(sample.x);
  double error = 0;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    error += std::abs(predicted[i] - sample.y[i]) / 2000;
  }
  EXPECT_LT(error, 0.02);
}

TEST(Booster, PredictsTheSameAfterBeingWrittenAndRead) {
  const Sample sample;
  const Booster booster = Booster::train({sample.x, sample.y}, kNames, {});
  const Booster read = Booster::from_json(booster.to_json());
  EXPECT_EQ(read.predict(sample.x), booster.predict(sample.x));
  EXPECT_EQ(read.feature_names(), kNames);
}

TEST(Booster, IsTheSameForTheSameSeedAndOtherForAnother) {
  const Sample sample;
  BoosterSettings settings;
  const auto fitted = [&] {
    return Booster::train({sample.x, sample.y}, kNames, settings).to_json();
  };
  const std::string first = fitted();
  EXPECT_EQ(fitted(), first);
  settings.seed = 43;
  EXPECT_NE(fitted(), first);
}

TEST(Booster, HasTheTreesItWasAskedFor) {
  const Sample sample;
  BoosterSettings settings;
  settings.trees = 7;
  EXPECT_THAT(Booster::train({sample.x, sample.y}, kNames, settings).to_json(),
              testing::HasSubstr(R"("num_trees":"7")"));
}

TEST(Booster, IsTheSameOnAnyNumberOfThreads) {
  Matrix x(120'000, 2);  // enough that more than one thread is used
  std::vector<float> y;
  Random random(3);
  for (std::size_t i = 0; i < x.rows; ++i) {
    x.at(i, 0) = static_cast<float>(random.uniform());
    x.at(i, 1) = static_cast<float>(random.uniform());
    y.push_back(x.at(i, 0) * x.at(i, 1));
  }
  BoosterSettings settings;
  settings.trees = 10;
  const auto fitted = [&](int threads) {
    omp_set_num_threads(threads);
    return Booster::train({x, y}, kNames, settings).to_json();
  };
  const int threads = omp_get_max_threads();
  EXPECT_EQ(fitted(1), fitted(2));
  omp_set_num_threads(threads);
}

TEST(Booster, IsDrawnLessByRowsThatAreFarOffWithHubersLoss) {
  Sample sample;
  for (std::size_t i = 0; i < sample.x.rows; i += 10) sample.y[i] += 20;
  const auto error = [&](BoosterObjective objective) {
    BoosterSettings settings;
    settings.objective = objective;
    settings.min_child_weight = 20;
    const std::vector<float> predicted =
        Booster::train({sample.x, sample.y}, kNames, settings)
            .predict(sample.x);
    double sum = 0;
    for (std::size_t i = 0; i < predicted.size(); ++i) {
      sum +=
          std::abs(predicted[i] - (sample.x.at(i, 0) - sample.x.at(i, 1) / 2));
    }
    return sum / static_cast<double>(predicted.size());
  };
  EXPECT_GT(error(BoosterObjective::squared_error), 1);
  EXPECT_LT(error(BoosterObjective::huber), 0.2);
}

TEST(Booster, PredictsTheLogOddsOfWhatHappens) {
  const Sample sample;
  Random random(4);
  std::vector<float> happened;
  for (std::size_t i = 0; i < sample.x.rows; ++i) {
    happened.push_back(
        random.uniform() < (sample.x.at(i, 0) < 0.5 ? 0.2 : 0.9) ? 1.F : 0.F);
  }
  BoosterSettings settings;
  settings.objective = BoosterObjective::logistic;
  settings.depth = 1;
  settings.trees = 100;
  const Booster booster =
      Booster::train({sample.x, happened}, kNames, settings);
  Matrix x(2, 2);
  x.values = {0.25F, 0.5F, 0.75F, 0.5F};
  const std::vector<float> odds = booster.predict(x);
  EXPECT_NEAR(1 / (1 + std::exp(-odds[0])), 0.2, 0.05);
  EXPECT_NEAR(1 / (1 + std::exp(-odds[1])), 0.9, 0.05);
}

TEST(Booster, StartsFromTheMarginItIsGiven) {
  const Sample sample;
  BoosterSettings settings;
  settings.trees = 1;
  const std::vector<float> margin(sample.x.rows, 100);
  std::vector<float> target;
  for (const float y : sample.y) target.push_back(100 + y);
  const Booster booster =
      Booster::train({sample.x, target, margin}, kNames, settings);
  EXPECT_NEAR(booster.predict(sample.x, margin)[0], 100, 1);
  EXPECT_LT(booster.predict(sample.x)[0], 2);
}

TEST(Booster, CountsTheRoundsThatPredictWatchedRowsBest) {
  const Sample sample;
  Random random(2);
  std::vector<float> noise;
  for (std::size_t i = 0; i < sample.x.rows; ++i) {
    noise.push_back(static_cast<float>(random.uniform()));
  }
  BoosterSettings settings;
  settings.early_stopping = 20;
  EXPECT_GT(Booster::best_rounds({sample.x, sample.y}, {sample.x, sample.y},
                                 settings),
            150);
  // Nothing can be learnt from noise but its mean.
  std::vector<float> other(noise.rbegin(), noise.rend());
  EXPECT_LT(
      Booster::best_rounds({sample.x, noise}, {sample.x, other}, settings),
      150);
}

TEST(Booster, ContributionsAddUpToThePrediction) {
  const Sample sample;
  const Booster booster = Booster::train({sample.x, sample.y}, kNames, {});
  const Matrix shares = booster.contributions(sample.x);
  const std::vector<float> predicted = booster.predict(sample.x);
  ASSERT_EQ(shares.columns, 3U);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_NEAR(shares.at(i, 0) + shares.at(i, 1) + shares.at(i, 2),
                predicted[i], 1e-4);
  }
  const auto gains = booster.total_gain();
  EXPECT_GT(gains.at("log_p"), gains.at("log_b"));
}

TEST(Booster, TakesACensoredTargetForALowerBound) {
  // Half of the rows ran for e^3 steps without converging, the others took e^3.
  Matrix x(400, 1);
  const std::vector<float> lower(400, 3);
  std::vector<float> upper(400, 3);
  for (std::size_t i = 0; i < 400; i += 2) {
    x.at(i, 0) = 1;
    upper[i] = std::numeric_limits<float>::infinity();
  }
  BoosterSettings settings;
  settings.objective = BoosterObjective::survival;
  const std::vector<std::string> names = {"x"};
  const Booster booster =
      Booster::train({x, lower, {}, upper}, names, settings);
  Matrix one(2, 1);
  one.at(1, 0) = 1;
  const std::vector<float> predicted = booster.predict(one);
  EXPECT_NEAR(predicted[0], 3, 0.1);
  EXPECT_GT(predicted[1], 3.3);
}

TEST(Booster, RefusesWhatIsNoModel) {
  EXPECT_THROW(Booster::from_json("{\"learner\": 1}"), Error);
}

TEST(Booster, RefusesMissingTargetsAndNames) {
  Sample sample;
  sample.y.pop_back();
  EXPECT_THROW(Booster::train({sample.x, sample.y}, kNames, {}), Error);
}

TEST(Booster, RefusesFeaturesThatItWasNotFittedOn) {
  const Sample sample;
  const Booster booster = Booster::train({sample.x, sample.y}, kNames, {});
  EXPECT_THROW((void)booster.predict(Matrix(1, 3)), Error);
}

}  // namespace
}  // namespace cape::predictor
