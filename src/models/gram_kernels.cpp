#include <algorithm>
#include <cstring>

#include "models/kernels.h"
#include "models/kernels_math.h"

namespace cape::models::kernels {
namespace {

constexpr std::int64_t kTile = 4;
static_assert(kTile * kTile == kLanes);

/// v[0] becomes the sums of the 16 vectors, in their order. Each of the 4
/// rounds halves the number of vectors, and in each vector the number of lanes
/// that must still be added.
CAPE_INLINE void sum_each(Lanes (&v)[kLanes]) {
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    v[i] = __builtin_shufflevector(v[i], v[i + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16,
                                   17, 18, 19, 20, 21, 22, 23) +
           __builtin_shufflevector(v[i], v[i + 8], 8, 9, 10, 11, 12, 13, 14, 15,
                                   24, 25, 26, 27, 28, 29, 30, 31);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    v[i] = __builtin_shufflevector(v[i], v[i + 4], 0, 1, 2, 3, 16, 17, 18, 19,
                                   8, 9, 10, 11, 24, 25, 26, 27) +
           __builtin_shufflevector(v[i], v[i + 4], 4, 5, 6, 7, 20, 21, 22, 23,
                                   12, 13, 14, 15, 28, 29, 30, 31);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    v[i] = __builtin_shufflevector(v[i], v[i + 2], 0, 1, 16, 17, 4, 5, 20, 21,
                                   8, 9, 24, 25, 12, 13, 28, 29) +
           __builtin_shufflevector(v[i], v[i + 2], 2, 3, 18, 19, 6, 7, 22, 23,
                                   10, 11, 26, 27, 14, 15, 30, 31);
  }
  v[0] = __builtin_shufflevector(v[0], v[1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24,
                                 10, 26, 12, 28, 14, 30) +
         __builtin_shufflevector(v[0], v[1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25,
                                 11, 27, 13, 29, 15, 31);
}

/// The inner products of kTile rows with kTile others, row by row.
CAPE_INLINE void tile(const float* const* a, const float* const* b,
                      std::int64_t columns, float* products) {
  Lanes sums[kTile * kTile] = {};
  std::int64_t c = 0;
  for (; c + kLanes <= columns; c += kLanes) {
    Lanes of_b[kTile];
#pragma GCC unroll 4
    for (int j = 0; j < kTile; ++j) load(b[j] + c, of_b[j]);
#pragma GCC unroll 4
    for (int i = 0; i < kTile; ++i) {
      Lanes of_a;
      load(a[i] + c, of_a);
#pragma GCC unroll 4
      for (int j = 0; j < kTile; ++j) sums[kTile * i + j] += of_a * of_b[j];
    }
  }
  sum_each(sums);
  std::memcpy(products, &sums[0], sizeof sums[0]);
  for (; c < columns; ++c) {
    for (int k = 0; k < kLanes; ++k) {
      products[k] += a[k / kTile][c] * b[k % kTile][c];
    }
  }
}

}  // namespace

CAPE_CLONES void gram(const float* x, Matrix shape, float* product) {
  // Beyond the last row, the last row is used again; the result is ignored.
  const auto rows_from = [&](std::int64_t first, const float** rows) {
    for (std::int64_t i = 0; i < kTile; ++i) {
      rows[i] = x + std::min(first + i, shape.rows - 1) * shape.columns;
    }
  };
  const float* a[kTile];
  const float* b[kTile];
  float products[kLanes];
  for (std::int64_t row = 0; row < shape.rows; row += kTile) {
    rows_from(row, a);
    for (std::int64_t column = 0; column <= row; column += kTile) {
      rows_from(column, b);
      tile(a, b, shape.columns, products);
      for (std::int64_t i = row; i < std::min(row + kTile, shape.rows); ++i) {
        const std::int64_t end = std::min(column + kTile, i + 1);
        for (std::int64_t j = column; j < end; ++j) {
          product[i * shape.rows + j] =
              products[kTile * (i - row) + j - column];
        }
      }
    }
  }
}

CAPE_CLONES double gram_dot(const float* a, const float* b, std::int64_t rows) {
  double total = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* const x = a + i * rows;
    const float* const y = b + i * rows;
    const float below = sum(i, [=](std::int64_t j) { return x[j] * y[j]; });
    total += 2.0 * below + x[i] * y[i];
  }
  return total;
}

}  // namespace cape::models::kernels
