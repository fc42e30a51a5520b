#include "kernels/kernels.h"
#include "kernels/math.h"

namespace cape::kernels {
namespace {

struct Moments {
  float mean;
  float scale;  ///< 1 / deviation
};
CAPE_INLINE Moments moments(const float* x, std::int64_t columns,
                            float epsilon) {
  const auto count = static_cast<float>(columns);
  const float mean = sum(columns, [=](auto c) { return x[c]; }) / count;
  const float variance =
      sum(columns, [=](auto c) { return (x[c] - mean) * (x[c] - mean); }) /
      count;
  return {mean, 1.0F / std::sqrt(variance + epsilon)};
}

/// Adds a row's dy and dy x^ to `sums`.
CAPE_INLINE void add_sums(const float* dy, const float* x, Moments m,
                          std::int64_t columns, float* sums) {
#pragma GCC ivdep
  for (std::int64_t c = 0; c < columns; ++c) {
    sums[c] += dy[c];
    sums[columns + c] += dy[c] * (x[c] - m.mean) * m.scale;
  }
}

/// dx = (g - mean of g - x^ mean of g x^) / deviation + added, with g = dy
/// weight.
CAPE_INLINE void row_gradient(const float* dy, const float* x,
                              const float* weight, const float* added,
                              Moments m, std::int64_t columns, float* dx) {
  const auto count = static_cast<float>(columns);
  const float g = sum(columns, [=](auto c) { return dy[c] * weight[c]; });
  const float gx =
      sum(columns, [=](auto c) { return dy[c] * weight[c] * (x[c] - m.mean); });
  const float slope = gx * m.scale * m.scale / count;
  const float mean = g / count;
#pragma GCC ivdep
  for (std::int64_t c = 0; c < columns; ++c) {
    dx[c] = (dy[c] * weight[c] - mean - (x[c] - m.mean) * slope) * m.scale +
            added[c];
  }
}

CAPE_CLONES void backward_block(const float* dy, const float* x,
                                const float* weight, const float* added,
                                Matrix block, float epsilon, float* dx,
                                float* sums) {
  const std::int64_t columns = block.columns;
  for (std::int64_t row = 0; row < block.rows; ++row) {
    const std::int64_t start = row * columns;
    const Moments m = moments(x + start, columns, epsilon);
    add_sums(dy + start, x + start, m, columns, sums);
    if (dx != nullptr) {
      row_gradient(dy + start, x + start, weight, added + start, m, columns,
                   dx + start);
    }
  }
}

}  // namespace

CAPE_CLONES void layer_norm(const float* x, const float* weight,
                            const float* bias, Matrix shape, double epsilon,
                            float* y) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const std::int64_t start = row * shape.columns;
    const Moments m =
        moments(x + start, shape.columns, static_cast<float>(epsilon));
#pragma GCC ivdep
    for (std::int64_t c = 0; c < shape.columns; ++c) {
      y[start + c] = (x[start + c] - m.mean) * m.scale * weight[c] + bias[c];
    }
  }
}

void layer_norm_backward(const float* dy, const float* x, const float* weight,
                         const float* added, Matrix shape, double epsilon,
                         float* dx, double* sum_dy, double* sum_dyx) {
  add_up_blocks(shape, sum_dy, sum_dyx,
                [&](std::int64_t start, Matrix block, float* sums) {
                  backward_block(dy + start, x + start, weight,
                                 added == nullptr ? nullptr : added + start,
                                 block, static_cast<float>(epsilon),
                                 dx == nullptr ? nullptr : dx + start, sums);
                });
}

}  // namespace cape::kernels
