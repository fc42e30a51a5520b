#include "predictor/models/perceptron.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/random.h"

namespace cape::predictor {
namespace {

/// y = 3 + sin(2 x0) + x0 x1; every seventh x1 is missing, and counts as 0; x2
/// says nothing.
struct Surface {
  Matrix x;
  std::vector<float> y;

  Surface(std::size_t rows, std::uint64_t seed) : x(rows, 3) {
    Random random(seed);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < 3; ++j) {
        x.at(i, j) = static_cast<float>(4 * random.uniform() - 2);
      }
      const float second = i % 7 == 0 ? 0 : x.at(i, 1);
      if (i % 7 == 0) x.at(i, 1) = kMissing;
      y.push_back(3 + std::sin(2 * x.at(i, 0)) + x.at(i, 0) * second);
    }
  }
};

PerceptronSettings smooth() {
  return {.hidden = {48, 24},
          .activation = PerceptronActivation::silu,
          .learning_rate = 1e-2,
          .cosine = true,
          .l2 = 0,
          .huber_delta = 0.5,
          .clipped = 0.005,
          .epochs = 60,
          .batch = 64,
          .held_out = 0};
}

PerceptronSettings smooth_with_embedding() {
  PerceptronSettings settings = smooth();
  settings.embedding = {.hidden = 8, .outputs = 4};
  return settings;
}

double r2(const std::vector<float>& y, const std::vector<double>& predicted) {
  double mean = 0;
  for (const float value : y) mean += value / static_cast<double>(y.size());
  double errors = 0;
  double total = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    errors += std::pow(y[i] - predicted[i], 2);
    total += std::pow(y[i] - mean, 2);
  }
  return 1 - errors / total;
}

TEST(Perceptron, LearnsASurfaceWithMissingValues) {
  const Surface fitted(2000, 1);
  const Surface fresh(500, 2);
  const Perceptron perceptron(fitted.x, fitted.y, smooth());
  // A regression has 0.3 there.
  EXPECT_GT(r2(fresh.y, perceptron.predict(fresh.x)), 0.98);
}

// y depends on one column with ten turns, which layers of a hundred units learn
// late and an embedding of the column at once.
TEST(Perceptron, LearnsACurveOfOneColumnSoonerWithAnEmbedding) {
  const auto rows_of = [](std::uint64_t seed) {
    Surface made(1000, seed);
    for (std::size_t i = 0; i < made.x.rows; ++i) {
      made.y[i] = std::sin(8 * made.x.at(i, 0));
    }
    return made;
  };
  const Surface fitted = rows_of(1);
  const Surface fresh = rows_of(2);
  const auto score = [&](const PerceptronSettings& settings) {
    return r2(fresh.y,
              Perceptron(fitted.x, fitted.y, settings).predict(fresh.x));
  };
  EXPECT_GT(score(smooth_with_embedding()), score(smooth()) + 0.2);
}

TEST(Perceptron, PredictsARowAloneAsInCompany) {
  const Surface fitted(500, 1);
  const Perceptron perceptron(fitted.x, fitted.y, smooth_with_embedding());
  const std::vector<double> together = perceptron.predict(fitted.x);
  for (std::size_t i = 0; i < 50; ++i) {
    Matrix alone(1, 3);
    for (std::size_t j = 0; j < 3; ++j) alone.at(0, j) = fitted.x.at(i, j);
    EXPECT_EQ(perceptron.predict(alone)[0], together[i]) << i;
  }
}

TEST(Perceptron, LearnsWithDropoutAndSmallerBatchesToo) {
  const Surface fitted(2000, 1);
  const Surface fresh(500, 2);
  PerceptronSettings settings = smooth();
  settings.dropout = 0.1;
  settings.batch = 1024;
  settings.batches = 40;  // of 50 rows
  const double r =
      r2(fresh.y, Perceptron(fitted.x, fitted.y, settings).predict(fresh.x));
  EXPECT_GT(r, 0.93);
  settings.batches = 0;  // two updates an epoch
  EXPECT_LT(
      r2(fresh.y, Perceptron(fitted.x, fitted.y, settings).predict(fresh.x)),
      r);
}

TEST(Perceptron, StopsEarlyByTheRowsThatItHoldsOut) {
  const Surface fitted(600, 1);
  const Surface fresh(500, 2);
  PerceptronSettings settings;  // scikit-learn's
  settings.epochs = 200;
  EXPECT_GT(
      r2(fresh.y, Perceptron(fitted.x, fitted.y, settings).predict(fresh.x)),
      0.9);
}

TEST(Perceptron, DependsOnTheSeedAlone) {
  const Surface data(300, 1);
  PerceptronSettings settings = smooth();
  settings.dropout = 0.2;
  settings.epochs = 3;
  const auto predicted = [&] {
    return Perceptron(data.x, data.y, settings).predict(data.x);
  };
  const std::vector<double> first = predicted();
  EXPECT_EQ(predicted(), first);
  settings.seed = 43;
  EXPECT_NE(predicted(), first);
}

TEST(Perceptron, TakesWhatIsFarAwayAsTheEndOfItsRange) {
  const Surface data(300, 1);
  PerceptronSettings settings = smooth();
  settings.epochs = 2;
  const Perceptron perceptron(data.x, data.y, settings);
  Matrix asked(2, 3);
  asked.values = {5, 0, 0, 5000, 0, 0};
  const std::vector<double> predicted = perceptron.predict(asked);
  EXPECT_EQ(predicted[0], predicted[1]);
  settings.clipped = 0;
  const Perceptron free(data.x, data.y, settings);
  EXPECT_GT(std::abs(free.predict(asked)[0] - free.predict(asked)[1]), 1);
}

TEST(Perceptron, KeepsColumnsOfWhichClippingWouldLeaveOneValue) {
  Matrix x(1000, 2);
  std::vector<float> y;
  for (std::size_t i = 0; i < x.rows; ++i) {
    x.at(i, 0) = static_cast<float>(i) / 1000;
    x.at(i, 1) = i % 300 == 0 ? 1 : 0;  // four rows
    y.push_back(x.at(i, 0) + 5 * x.at(i, 1));
  }
  PerceptronSettings settings = smooth();
  settings.huber_delta = 0;
  const Perceptron perceptron(x, y, settings);
  Matrix asked(2, 2);
  asked.values = {0.5, 0, 0.5, 1};
  const std::vector<double> predicted = perceptron.predict(asked);
  EXPECT_GT(predicted[1] - predicted[0], 2);
}

TEST(Perceptron, LearnsNothingOfAColumnWithoutValues) {
  Surface data(300, 1);
  for (std::size_t i = 0; i < data.x.rows; ++i) data.x.at(i, 2) = kMissing;
  for (const double clipped : {0.0, 0.005}) {
    PerceptronSettings settings = smooth();
    settings.clipped = clipped;
    settings.epochs = 2;
    const Perceptron perceptron(data.x, data.y, settings);
    Matrix asked(2, 3);
    asked.values = {1, 1, kMissing, 1, 1, 1000};
    const std::vector<double> predicted = perceptron.predict(asked);
    EXPECT_EQ(predicted[0], predicted[1]);
  }
}

TEST(Perceptron, IsFittedOnHardlyAnyRows) {
  for (const std::size_t rows : {1, 2, 5, 33}) {
    for (const double held_out : {0.0, 0.1}) {
      const Surface data(rows, 1);
      PerceptronSettings settings = smooth();
      settings.batches = 80;
      settings.updates = 1200;
      settings.held_out = held_out;
      const std::vector<double> predicted =
          Perceptron(data.x, data.y, settings).predict(data.x);
      ASSERT_EQ(predicted.size(), rows);
      double off = 0;
      for (std::size_t i = 0; i < rows; ++i) {
        off += std::abs(predicted[i] - data.y[i]) / static_cast<double>(rows);
      }
      EXPECT_LT(off, 1) << rows;
    }
  }
}

TEST(Perceptron, OfAConstantIsTheConstant) {
  const Surface data(100, 1);
  const std::vector<float> constant(100, 7);
  for (const double predicted :
       Perceptron(data.x, constant, smooth()).predict(data.x)) {
    EXPECT_NEAR(predicted, 7, 0.01);
  }
}

TEST(Perceptron, OfFewRowsMakesMoreEpochs) {
  const Surface fitted(200, 1);
  const Surface fresh(500, 2);
  PerceptronSettings settings = smooth();
  settings.epochs = 3;
  const auto score = [&] {
    return r2(fresh.y,
              Perceptron(fitted.x, fitted.y, settings).predict(fresh.x));
  };
  const double few = score();
  settings.updates = 1000;
  EXPECT_GT(score(), few + 0.2);
}

double silu(double x) { return x / (1 + std::exp(-x)); }

/// What the embedding makes of the values of a row, one sum after the other.
std::vector<double> embedded(const Perceptron::Parameters& all,
                             const std::vector<double>& values) {
  std::vector<double> made = values;
  if (all.embedding.empty()) return made;
  const Perceptron::Layer& first = all.embedding[0];
  const Perceptron::Layer& second = all.embedding[1];
  const std::size_t units = first.weights.size() / values.size();
  const std::size_t outputs = second.biases.size() / values.size();
  for (std::size_t o = 0; o < second.biases.size(); ++o) {
    const std::size_t column = o / outputs;
    double sum = second.biases[o];
    for (std::size_t k = 0; k < units; ++k) {
      const std::size_t unit = column * units + k;
      sum += second.weights[o * units + k] *
             silu(values[column] * first.weights[unit] + first.biases[unit]);
    }
    made.push_back(silu(sum));
  }
  return made;
}

/// What the parameters say of rows of three columns, by plain loops in double
/// precision.
std::vector<double> plain_predictions(const Perceptron::Parameters& all,
                                      const Matrix& x) {
  std::vector<double> predicted;
  for (std::size_t row = 0; row < x.rows; ++row) {
    std::vector<double> values;
    for (std::size_t j = 0; j < 3; ++j) {
      const double value = x.at(row, j);
      const double inside = std::isnan(value)      ? all.standardiser.means[j]
                            : value < all.least[j] ? all.least[j]
                            : value > all.greatest[j] ? all.greatest[j]
                                                      : value;
      values.push_back((inside - all.standardiser.means[j]) /
                       all.standardiser.deviations[j]);
    }
    values = embedded(all, values);
    for (const Perceptron::Layer& layer : all.layers) {
      std::vector<double> outputs;
      for (int o = 0; o < layer.outputs; ++o) {
        double sum = layer.biases[static_cast<std::size_t>(o)];
        for (int i = 0; i < layer.inputs; ++i) {
          sum += values[static_cast<std::size_t>(i)] *
                 layer.weights[static_cast<std::size_t>(o * layer.inputs + i)];
        }
        const bool is_last = &layer == &all.layers.back();
        outputs.push_back(is_last ? sum : silu(sum));
      }
      values = outputs;
    }
    predicted.push_back(values.at(0) + all.mean);
  }
  return predicted;
}

// float32 has 6e-8, and sums have at most 48 terms.
TEST(Perceptron, PredictsWhatPlainLoopsDo) {
  const Surface data(200, 3);
  for (const PerceptronSettings& settings :
       {smooth(), smooth_with_embedding()}) {
    const Perceptron perceptron(data.x, data.y, settings);
    const std::vector<double> predicted = perceptron.predict(data.x);
    const std::vector<double> plain =
        plain_predictions(perceptron.parameters(), data.x);
    for (std::size_t row = 0; row < data.x.rows; ++row) {
      EXPECT_NEAR(predicted[row], plain[row], 1e-5) << row;
    }
  }
}

// Adam's first step of a parameter is the learning rate against the sign of its
// derivative, which a difference of the loss on either side of it shows, too.
TEST(Perceptron, StepsAgainstTheDerivativesOfTheLoss) {
  const Surface data(50, 1);
  PerceptronSettings settings = smooth_with_embedding();
  settings.hidden = {6};
  settings.huber_delta = 0;
  settings.clipped = 0;
  settings.cosine = false;
  settings.epochs = 1;
  settings.learning_rate = 0;
  const Perceptron::Parameters start =
      Perceptron(data.x, data.y, settings).parameters();
  settings.learning_rate = 1e-3;
  const Perceptron::Parameters stepped =
      Perceptron(data.x, data.y, settings).parameters();
  const auto loss = [&](const Perceptron::Parameters& all) {
    const std::vector<double> predicted = plain_predictions(all, data.x);
    double sum = 0;
    for (std::size_t i = 0; i < predicted.size(); ++i) {
      sum += std::pow(predicted[i] - data.y[i], 2);
    }
    return sum;
  };
  using Values = std::vector<float> Perceptron::Layer::*;
  using Layers = std::vector<Perceptron::Layer> Perceptron::Parameters::*;
  for (const Layers layers :
       {&Perceptron::Parameters::embedding, &Perceptron::Parameters::layers}) {
    for (std::size_t layer = 0; layer < 2; ++layer) {
      for (const Values values :
           {&Perceptron::Layer::weights, &Perceptron::Layer::biases}) {
        const std::vector<float>& before = (start.*layers)[layer].*values;
        const std::vector<float>& after = (stepped.*layers)[layer].*values;
        for (std::size_t i = 0; i < before.size(); ++i) {
          Perceptron::Parameters moved = start;
          float& value = ((moved.*layers)[layer].*values)[i];
          constexpr float kMove = 1e-2F;
          value = before[i] + kMove;
          const double above = loss(moved);
          value = before[i] - kMove;
          const double difference = above - loss(moved);
          if (std::abs(difference) < 1e-3) continue;  // of either sign
          EXPECT_NEAR(after[i] - before[i], difference > 0 ? -1e-3 : 1e-3, 1e-5)
              << "layer " << layer << ", number " << i;
        }
      }
    }
  }
}

// Without hidden layers the share of a column is its weight times its value.
TEST(Perceptron, ContributionsOfALinearOneAreItsTerms) {
  const Surface data(200, 1);
  PerceptronSettings settings = smooth();
  settings.hidden = {};
  const Perceptron perceptron(data.x, data.y, settings);
  const Perceptron::Parameters& all = perceptron.parameters();
  const Matrix shares = perceptron.contributions(data.x);
  ASSERT_EQ(shares.columns, 4);
  for (std::size_t i = 0; i < data.x.rows; ++i) {
    const float x = std::clamp(data.x.at(i, 0), all.least[0], all.greatest[0]);
    EXPECT_NEAR(shares.at(i, 0),
                all.layers[0].weights[0] * (x - all.standardiser.means[0]) /
                    all.standardiser.deviations[0],
                1e-5);
    EXPECT_NEAR(shares.at(i, 3), all.layers[0].biases[0] + all.mean, 1e-5);
  }
}

// What is left for the constant is the answer for the mean of all rows, but for
// the error of a sum over 32 points.
void expect_shares_that_add_up(const PerceptronSettings& settings) {
  const Surface data(500, 1);
  const Perceptron perceptron(data.x, data.y, settings);
  const std::vector<double> predicted = perceptron.predict(data.x);
  Matrix middle(1, 3);
  middle.values = {kMissing, kMissing, kMissing};
  const double at_mean = perceptron.predict(middle)[0];
  const Matrix shares = perceptron.contributions(data.x);
  double of_nothing = 0;
  double of_first = 0;
  for (std::size_t i = 0; i < data.x.rows; ++i) {
    double sum = 0;
    for (const float share : shares.row(i)) sum += share;
    EXPECT_NEAR(sum, predicted[i], 1e-5);
    EXPECT_NEAR(shares.at(i, 3), at_mean, 0.02);
    of_first += std::abs(shares.at(i, 0));
    of_nothing += std::abs(shares.at(i, 2));
    if (i % 7 == 0) {
      EXPECT_EQ(shares.at(i, 1), 0) << "the mean adds nothing";
    }
  }
  EXPECT_LT(of_nothing, of_first / 5);
}

TEST(Perceptron, ContributionsAddUpToThePrediction) {
  expect_shares_that_add_up(smooth());
  expect_shares_that_add_up(smooth_with_embedding());
}

}  // namespace
}  // namespace cape::predictor
