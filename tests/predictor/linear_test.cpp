#include "predictor/models/linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/random.h"

namespace cape::predictor {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// y = 3 + 2 x0 - x1, and a column that is always 5.
struct Plane {
  Matrix x = Matrix(100, 3);
  std::vector<float> y;

  Plane() {
    Random random(1);
    for (std::size_t i = 0; i < x.rows; ++i) {
      x.at(i, 0) = static_cast<float>(10 * random.uniform());
      x.at(i, 1) = static_cast<float>(random.uniform());
      x.at(i, 2) = 5;
      y.push_back(3 + 2 * x.at(i, 0) - x.at(i, 1));
    }
  }
  LinearModel fit(std::vector<double> penalties) const {
    return fit_linear(x, y, penalties);
  }
};

TEST(LinearModel, FindsAPlane) {
  const LinearModel model = Plane().fit({0, 0, 0});
  EXPECT_NEAR(model.weights[0], 2, 1e-5);
  EXPECT_NEAR(model.weights[1], -1, 1e-5);
  EXPECT_EQ(model.weights[2], 0);
  EXPECT_NEAR(model.intercept, 3, 1e-4);
}

TEST(LinearModel, DoesWithoutAColumnOfInfinitePenalty) {
  EXPECT_EQ(Plane().fit({0, kInfinity, 0}).weights[1], 0);
}

TEST(LinearModel, ShrinksByThePenaltyOnStandardisedColumns) {
  // Rows as a penalty halve the weight of a column on its own.
  const LinearModel model = Plane().fit({100, kInfinity, 0});
  const LinearModel free = Plane().fit({0, kInfinity, 0});
  EXPECT_NEAR(model.weights[0], free.weights[0] / 2, 1e-6);
}

TEST(LinearModel, TakesTheMeanForAMissingValue) {
  const Plane plane;
  const LinearModel model = plane.fit({0, 0, 0});
  Matrix x(1, 3);
  x.at(0, 0) = std::nanf("");
  x.at(0, 1) = 0.5F;
  x.at(0, 2) = 5;
  EXPECT_NEAR(model.predict(x)[0], 3 + 2 * model.means[0] - 0.5, 1e-4);
}

}  // namespace
}  // namespace cape::predictor
