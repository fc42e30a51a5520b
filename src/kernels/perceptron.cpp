#include <algorithm>
#include <cstring>
#include <memory>

#include "kernels/kernels.h"
#include "kernels/math.h"

// Compiled without fused multiply-adds (see CMakeLists.txt), which not every
// level has: so the results are the same everywhere.
namespace cape::kernels {
namespace {

// The sums of a tile of so many rows and columns stay in registers: AVX2 has 16
// of 8 numbers. AVX-512 is not faster with vectors of 16, since there would be
// fewer sums that do not wait for each other.
constexpr int kRows = 16;
constexpr int kColumns = 6;
constexpr std::int64_t kDepth = 256;  // terms, so that a strip stays in a cache

/// `count` lines of numbers, `stride` apart, become strips of `width`: the k-th
/// numbers of all lines, then the next ones. Zeros where there are fewer lines.
void pack(const float* from, std::int64_t count, std::int64_t stride,
          std::int64_t depth, std::int64_t depth_stride, int width, float* to) {
  if (stride == 1 && count >= width) {
    for (std::int64_t k = 0; k < depth; ++k) {
      std::copy_n(from + k * depth_stride, width, to + k * width);
    }
    return;
  }
  std::fill(to, to + depth * width, 0.0F);
  for (std::int64_t i = 0; i < std::min<std::int64_t>(count, width); ++i) {
    for (std::int64_t k = 0; k < depth; ++k) {
      to[k * width + i] = from[i * stride + k * depth_stride];
    }
  }
}

/// Adds the product of two strips to a tile of c, whose columns are `stride`
/// apart.
template <int Lanes>
CAPE_INLINE void add_tile(const float* a, const float* b, std::int64_t depth,
                          float* c, std::int64_t stride) {
  typedef float Vector __attribute__((vector_size(Lanes * sizeof(float))));
  constexpr int kVectors = kRows / Lanes;
  Vector sums[kColumns][kVectors];
#pragma GCC unroll 6
  for (int j = 0; j < kColumns; ++j) {
    std::memcpy(sums[j], c + j * stride, sizeof sums[j]);
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Vector of_a[kVectors];
    std::memcpy(of_a, a + k * kRows, sizeof of_a);
#pragma GCC unroll 6
    for (int j = 0; j < kColumns; ++j) {
#pragma GCC unroll 4
      for (int i = 0; i < kVectors; ++i) {
        sums[j][i] += of_a[i] * b[k * kColumns + j];
      }
    }
  }
#pragma GCC unroll 6
  for (int j = 0; j < kColumns; ++j) {
    std::memcpy(c + j * stride, sums[j], sizeof sums[j]);
  }
}

CAPE_CLONES void add_tile_of_8(const float* a, const float* b,
                               std::int64_t depth, float* c,
                               std::int64_t stride) {
  add_tile<8>(a, b, depth, c, stride);
}

void add_tile_of_4(const float* a, const float* b, std::int64_t depth, float* c,
                   std::int64_t stride) {
  add_tile<4>(a, b, depth, c, stride);
}

}  // namespace

void product(const StridedMatrix& a, const StridedMatrix& b, float* c) {
  static const auto add =
      lanes_of_vectors() >= 8 ? add_tile_of_8 : add_tile_of_4;
  const std::int64_t strips = (b.columns + kColumns - 1) / kColumns;
  const auto of_a = std::make_unique_for_overwrite<float[]>(
      static_cast<std::size_t>(kRows * kDepth));
  const auto of_b = std::make_unique_for_overwrite<float[]>(
      static_cast<std::size_t>(strips * kColumns * kDepth));
  float edge[kRows * kColumns] = {};
  std::fill(c, c + a.rows * b.columns, 0.0F);
  for (std::int64_t first = 0; first < a.columns; first += kDepth) {
    const std::int64_t depth = std::min(kDepth, a.columns - first);
    const auto strip_of_b = [&](std::int64_t column) {
      return of_b.get() + column * depth;
    };
    for (std::int64_t column = 0; column < b.columns; column += kColumns) {
      pack(b.data + first * b.row_stride + column * b.column_stride,
           b.columns - column, b.column_stride, depth, b.row_stride, kColumns,
           strip_of_b(column));
    }
    for (std::int64_t row = 0; row < a.rows; row += kRows) {
      const std::int64_t rows = std::min<std::int64_t>(kRows, a.rows - row);
      pack(a.data + row * a.row_stride + first * a.column_stride, rows,
           a.row_stride, depth, a.column_stride, kRows, of_a.get());
      for (std::int64_t column = 0; column < b.columns; column += kColumns) {
        const std::int64_t columns =
            std::min<std::int64_t>(kColumns, b.columns - column);
        float* const tile = c + column * a.rows + row;
        if (rows == kRows && columns == kColumns) {
          add(of_a.get(), strip_of_b(column), depth, tile, a.rows);
          continue;
        }
        for (std::int64_t j = 0; j < columns; ++j) {
          std::copy_n(tile + j * a.rows, rows, edge + j * kRows);
        }
        add(of_a.get(), strip_of_b(column), depth, edge, kRows);
        for (std::int64_t j = 0; j < columns; ++j) {
          std::copy_n(edge + j * kRows, rows, tile + j * a.rows);
        }
      }
    }
  }
}

CAPE_CLONES void silu(const float* x, std::int64_t count, float* values,
                      float* slopes) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < count; ++i) {
    const float s = sigmoid(x[i]);
    const float value = x[i] * s;
    values[i] = value;
    slopes[i] = s + value * (1.0F - s);
  }
}

}  // namespace cape::kernels
