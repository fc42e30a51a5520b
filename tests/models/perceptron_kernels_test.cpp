// The kernels of the perceptron, to the bit: a plain loop gives the same at
// every level.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "kernels/kernels.h"

namespace cape::kernels {
namespace {

std::vector<float> random_values(std::int64_t count, Random& random) {
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(2 * random.uniform() - 1));
  }
  return values;
}

/// By rows, or by columns.
StridedMatrix matrix(const std::vector<float>& values, std::int64_t rows,
                     std::int64_t columns, bool by_rows) {
  return {values.data(), rows, columns, by_rows ? columns : 1,
          by_rows ? 1 : rows};
}

float at(const StridedMatrix& m, std::int64_t i, std::int64_t j) {
  return m.data[i * m.row_stride + j * m.column_stride];
}

TEST(Product, IsThatOfAPlainLoopToTheBit) {
  Random random(1);
  // Sizes about those of tiles (16 x 6) and strips (256).
  for (const std::int64_t rows : {1, 15, 16, 17, 40}) {
    for (const std::int64_t terms : {1, 255, 256, 257, 600}) {
      for (const std::int64_t columns : {0, 1, 5, 6, 7, 20}) {
        const std::vector<float> of_a = random_values(rows * terms, random);
        const std::vector<float> of_b = random_values(terms * columns, random);
        for (const bool a_by_rows : {false, true}) {
          for (const bool b_by_rows : {false, true}) {
            const StridedMatrix a = matrix(of_a, rows, terms, a_by_rows);
            const StridedMatrix b = matrix(of_b, terms, columns, b_by_rows);
            std::vector<float> c(static_cast<std::size_t>(rows * columns), 7.F);
            product(a, b, c.data());
            for (std::int64_t j = 0; j < columns; ++j) {
              for (std::int64_t i = 0; i < rows; ++i) {
                float sum = 0;
                for (std::int64_t k = 0; k < terms; ++k) {
                  sum += at(a, i, k) * at(b, k, j);
                }
                ASSERT_EQ(c[static_cast<std::size_t>(j * rows + i)], sum)
                    << rows << " x " << terms << " x " << columns;
              }
            }
          }
        }
      }
    }
  }
}

TEST(Silu, IsTheSameAtEveryPlaceAndCloseToItsFormula) {
  Random random(2);
  constexpr std::int64_t kCount = 101;
  std::vector<float> x = random_values(kCount, random);
  for (float& value : x) value *= 20;
  std::vector<float> values(kCount), slopes(kCount);
  silu(x.data(), kCount, values.data(), slopes.data());
  for (std::size_t i = 0; i < kCount; ++i) {
    float value = 0, slope = 0;
    silu(&x[i], 1, &value, &slope);
    EXPECT_EQ(values[i], value);
    EXPECT_EQ(slopes[i], slope);
    const double sigmoid = 1 / (1 + std::exp(-double{x[i]}));
    EXPECT_NEAR(values[i], x[i] * sigmoid, 4e-7 * (1 + std::abs(x[i])));
    EXPECT_NEAR(slopes[i], sigmoid * (1 + x[i] * (1 - sigmoid)), 4e-6);
  }
}

}  // namespace
}  // namespace cape::kernels
