#include "kernels/kernels.h"
#include "kernels/math.h"

namespace cape::kernels {
namespace {

/// Vectorised by hand, since GCC 12 does not vectorise a running maximum.
CAPE_INLINE float largest(const float* x, std::int64_t count) {
  float most = x[0];
  std::int64_t i = 0;
  if (count >= kLanes) {
    Lanes lanes, values;
    load(x, lanes);
    for (i = kLanes; i + kLanes <= count; i += kLanes) {
      load(x + i, values);
      lanes = values > lanes ? values : lanes;
    }
    for (std::int64_t k = 0; k < kLanes; ++k) most = std::max(most, lanes[k]);
  }
  for (; i < count; ++i) most = std::max(most, x[i]);
  return most;
}

}  // namespace

CAPE_CLONES void softmax(float* x, Matrix shape, float scale, float* log_sums) {
  const std::int64_t columns = shape.columns;
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    float* const p = x + row * columns;
    const float most = largest(p, columns) * scale;
    const float total = sum(columns, [=](auto c) {
      return p[c] = exponential(p[c] * scale - most);
    });
    const float factor = 1.0F / total;
    for (std::int64_t c = 0; c < columns; ++c) p[c] *= factor;
    log_sums[row] = most + std::log(total);
  }
}

CAPE_CLONES void softmax_again(float* x, Matrix shape, float scale,
                               const float* log_sums) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    float* const p = x + row * shape.columns;
    const float shift = log_sums[row];
    for (std::int64_t c = 0; c < shape.columns; ++c) {
      p[c] = exponential(p[c] * scale - shift);
    }
  }
}

CAPE_CLONES void softmax_backward(const float* y, Matrix shape, float scale,
                                  float* d) {
  const std::int64_t columns = shape.columns;
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const float* const p = y + row * columns;
    float* const g = d + row * columns;
    const float mean = sum(columns, [=](auto c) { return p[c] * g[c]; });
#pragma GCC ivdep
    for (std::int64_t c = 0; c < columns; ++c) {
      g[c] = p[c] * (g[c] - mean) * scale;
    }
  }
}

}  // namespace cape::kernels
