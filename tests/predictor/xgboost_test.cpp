#include "predictor/xgboost.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace cape {
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
  const Booster booster = Booster::train(sample.x, sample.y, kNames, {});
  const std::vector<float> predicted = booster.predict(sample.x);
  double error = 0;
  for (std::size_t i = 0; i < predicted.size(); ++i) {
    error += std::abs(predicted[i] - sample.y[i]) / 2000;
  }
  EXPECT_LT(error, 0.02);
}

TEST(Booster, PredictsTheSameAfterBeingWrittenAndRead) {
  const Sample sample;
  const Booster booster = Booster::train(sample.x, sample.y, kNames, {});
  const Booster read = Booster::from_json(booster.to_json());
  EXPECT_EQ(read.predict(sample.x), booster.predict(sample.x));
  EXPECT_EQ(read.feature_names(), kNames);
}

TEST(Booster, IsTheSameForTheSameSeedAndOtherForAnother) {
  const Sample sample;
  BoosterSettings settings;
  const auto fitted = [&] {
    return Booster::train(sample.x, sample.y, kNames, settings).to_json();
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
  EXPECT_THAT(Booster::train(sample.x, sample.y, kNames, settings).to_json(),
              testing::HasSubstr(R"("num_trees":"7")"));
}

TEST(Booster, RefusesWhatIsNoModel) {
  EXPECT_THROW(Booster::from_json("{\"learner\": 1}"), Error);
}

TEST(Booster, RefusesMissingTargetsAndNames) {
  Sample sample;
  sample.y.pop_back();
  EXPECT_THROW(Booster::train(sample.x, sample.y, kNames, {}), Error);
}

TEST(Booster, RefusesFeaturesThatItWasNotFittedOn) {
  const Sample sample;
  const Booster booster = Booster::train(sample.x, sample.y, kNames, {});
  EXPECT_THROW((void)booster.predict(Matrix(1, 3)), Error);
}

}  // namespace
}  // namespace cape
