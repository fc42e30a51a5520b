#include <algorithm>
#include <cstring>

#include "kernels/kernels.h"
#include "kernels/math.h"

namespace cape::kernels {
namespace {

/// The number of elements whose squares float32 adds up before they are added
/// to a double.
constexpr std::int64_t kBlock = 4096;

CAPE_CLONES float block_squares(const float* x, std::int64_t count) {
  return sum(count, [=](std::int64_t i) { return x[i] * x[i]; });
}

CAPE_CLONES void add_products(const float* d, const float* x, const float* mean,
                              Matrix block, float* sums) {
  const std::int64_t columns = block.columns;
  for (std::int64_t row = 0; row < block.rows; ++row) {
#pragma GCC ivdep
    for (std::int64_t c = 0; c < columns; ++c) {
      const float g = d[row * columns + c];
      sums[c] += g;
      sums[columns + c] += g * (x[row * columns + c] - mean[c]);
    }
  }
}

CAPE_CLONES void add_row(const float* x, const float* g, std::int64_t count,
                         float* sum) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < count; ++i) sum[i] += x[i] * g[i];
}

/// Calls visit(position of the window, offset in the kernel, pixel or null).
template <class Visit>
void for_each_pixel(const float* image, const Windows& w, const Visit& visit) {
  for (std::int64_t position = 0; position < w.rows() * w.columns();
       ++position) {
    const std::int64_t top = position / w.columns() * w.stride - w.padding;
    const std::int64_t left = position % w.columns() * w.stride - w.padding;
    for (std::int64_t offset = 0; offset < w.kernel * w.kernel; ++offset) {
      const std::int64_t y = top + offset / w.kernel;
      const std::int64_t x = left + offset % w.kernel;
      const bool inside = y >= 0 && y < w.height && x >= 0 && x < w.width;
      visit(position, offset,
            inside ? image + (y * w.width + x) * w.channels : nullptr);
    }
  }
}

}  // namespace

void row_squares(const float* x, Matrix shape, double* sums) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    double total = 0;
    for (std::int64_t first = 0; first < shape.columns; first += kBlock) {
      total += block_squares(x + row * shape.columns + first,
                             std::min(kBlock, shape.columns - first));
    }
    sums[row] = total;
  }
}

void column_sums(const float* d, const float* x, const float* mean,
                 Matrix shape, double* sum_d, double* sum_dx) {
  add_up_blocks(shape, sum_d, sum_dx,
                [&](std::int64_t start, Matrix block, float* sums) {
                  add_products(d + start, x + start, mean, block, sums);
                });
}

void unfold(const float* image, const Windows& windows, float* rows) {
  const auto bytes = sizeof(float) * static_cast<std::size_t>(windows.channels);
  for_each_pixel(image, windows,
                 [&](std::int64_t, std::int64_t, const float* pixel) {
                   if (pixel != nullptr) {
                     std::memcpy(rows, pixel, bytes);
                   } else {
                     std::memset(rows, 0, bytes);
                   }
                   rows += windows.channels;
                 });
}

void depthwise_gradient(const float* image, const float* g,
                        const Windows& windows, float* gradient) {
  std::fill_n(gradient, windows.kernel * windows.kernel * windows.channels,
              0.0F);
  for_each_pixel(
      image, windows,
      [&](std::int64_t position, std::int64_t offset, const float* pixel) {
        if (pixel == nullptr) return;
        add_row(pixel, g + position * windows.channels, windows.channels,
                gradient + offset * windows.channels);
      });
}

}  // namespace cape::kernels
