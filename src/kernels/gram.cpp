#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/kernels.h"
#include "kernels/math.h"

namespace cape::kernels {
namespace {

/// As many numbers as products in a tile of so many rows and columns.
template <int Rows, int Columns>
struct Tile {
  static constexpr int kProducts = Rows * Columns;
  typedef float Vector __attribute__((vector_size(kProducts * sizeof(float))));
};

/// a becomes the sums of pairs of lanes of a and of b, in turns of Half lanes
/// each.
template <int Half, class Vector, int... Lane>
CAPE_INLINE void fold(Vector& a, const Vector& b,
                      std::integer_sequence<int, Lane...> /*lanes*/) {
  constexpr int kCount = sizeof...(Lane);
  a = __builtin_shufflevector(
          a, b, (Lane / Half % 2 == 0 ? Lane : kCount + Lane - Half)...) +
      __builtin_shufflevector(
          a, b, (Lane / Half % 2 == 0 ? Lane + Half : kCount + Lane)...);
}

/// v[0] becomes the sums of the vectors, in their order. Each round halves the
/// number of vectors, and in each vector the number of lanes that must still be
/// added.
template <int Count, int Half = Count / 2, class Vector>
CAPE_INLINE void sum_each(Vector* v) {
#pragma GCC unroll 8
  for (int i = 0; i < Half; ++i) {
    fold<Half>(v[i], v[i + Half], std::make_integer_sequence<int, Count>());
  }
  if constexpr (Half > 1) sum_each<Count, Half / 2>(v);
}

/// The inner products of `Rows` rows with `Columns` others, row by row.
template <int Rows, int Columns>
CAPE_INLINE void tile(const float* const* a, const float* const* b,
                      std::int64_t length, float* products) {
  constexpr int kProducts = Tile<Rows, Columns>::kProducts;
  using Vector = typename Tile<Rows, Columns>::Vector;
  Vector sums[kProducts] = {};
  std::int64_t c = 0;
  for (; c + kProducts <= length; c += kProducts) {
    Vector of_b[Columns];
#pragma GCC unroll 4
    for (int j = 0; j < Columns; ++j) {
      std::memcpy(&of_b[j], b[j] + c, sizeof(Vector));
    }
#pragma GCC unroll 4
    for (int i = 0; i < Rows; ++i) {
      Vector of_a;
      std::memcpy(&of_a, a[i] + c, sizeof of_a);
#pragma GCC unroll 4
      for (int j = 0; j < Columns; ++j) sums[Columns * i + j] += of_a * of_b[j];
    }
  }
  sum_each<kProducts>(sums);
  std::memcpy(products, &sums[0], sizeof sums[0]);
  for (; c < length; ++c) {
    for (int k = 0; k < kProducts; ++k) {
      products[k] += a[k / Columns][c] * b[k % Columns][c];
    }
  }
}

template <int Rows, int Columns>
CAPE_INLINE void gram_by_tiles(const float* x, Matrix shape, float* product) {
  // Beyond the last row, the last row is used again; the result is ignored.
  const auto rows_from = [&](std::int64_t first, int count,
                             const float** rows) {
    for (int i = 0; i < count; ++i) {
      rows[i] = x + std::min(first + i, shape.rows - 1) * shape.columns;
    }
  };
  const float* a[Rows];
  const float* b[Columns];
  float products[Rows * Columns];
  for (std::int64_t row = 0; row < shape.rows; row += Rows) {
    const std::int64_t row_end = std::min(row + Rows, shape.rows);
    rows_from(row, Rows, a);
    for (std::int64_t column = 0; column < row_end; column += Columns) {
      rows_from(column, Columns, b);
      tile<Rows, Columns>(a, b, shape.columns, products);
      for (std::int64_t i = row; i < row_end; ++i) {
        const std::int64_t end = std::min(column + Columns, i + 1);
        for (std::int64_t j = column; j < end; ++j) {
          product[i * shape.rows + j] =
              products[Columns * (i - row) + j - column];
        }
      }
    }
  }
}

// All sums of a tile stay in registers: AVX-512 has 32 of 16 numbers, AVX2 16
// of 8.
CAPE_CLONES void gram_of_16(const float* x, Matrix shape, float* product) {
  gram_by_tiles<4, 4>(x, shape, product);
}

CAPE_CLONES void gram_of_8(const float* x, Matrix shape, float* product) {
  gram_by_tiles<2, 4>(x, shape, product);
}

}  // namespace

void gram(const float* x, Matrix shape, float* product) {
  static const bool is_wide = lanes_of_vectors() == 16;
  (is_wide ? gram_of_16 : gram_of_8)(x, shape, product);
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

}  // namespace cape::kernels
