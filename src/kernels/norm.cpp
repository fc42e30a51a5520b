#include <vector>

#include "kernels/kernels.h"
#include "kernels/math.h"

namespace cape::kernels {
namespace {

struct Scaled {
  float factor;
  std::uint32_t threshold;  ///< of 24 bits
  std::uint32_t low, high;
};

Scaled scaled(const Dropout& dropout) {
  return {1.0F / (1.0F - dropout.rate),
          static_cast<std::uint32_t>(dropout.rate * 16777216.0F),
          static_cast<std::uint32_t>(dropout.key),
          static_cast<std::uint32_t>(dropout.key >> 32)};
}

/// 0 or 1 / (1 - rate).
CAPE_INLINE float kept(const Scaled& d, std::uint32_t index) {
  const std::uint32_t bits = mixed(mixed(index ^ d.low) + d.high) >> 8;
  return bits < d.threshold ? 0.0F : d.factor;
}

template <Activation A>
CAPE_INLINE float activated(float z) {
  if constexpr (A == Activation::relu) return std::max(z, 0.0F);
  if constexpr (A == Activation::relu6) {
    return std::min(std::max(z, 0.0F), 6.0F);
  }
  if constexpr (A == Activation::gelu) return z * normal(z).cumulative;
  return z;
}

/// d activation / dz; for activations that clip, from the activated value `y`.
template <Activation A>
CAPE_INLINE float slope(float z, float y) {
  if constexpr (A == Activation::relu) return y > 0 ? 1.0F : 0.0F;
  if constexpr (A == Activation::relu6) {
    return y > 0 && y < 6.0F ? 1.0F : 0.0F;
  }
  if constexpr (A == Activation::gelu) {
    const Normal n = normal(z);
    return n.cumulative + z * n.density;
  }
  return 1.0F;
}

template <Activation A, bool Drop, bool Residual>
CAPE_INLINE void forward_rows(const float* x, const float* residual,
                              const float* scale, const float* shift,
                              Matrix shape, const Scaled& dropout, float* y) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const std::int64_t start = row * shape.columns;
#pragma GCC ivdep
    for (std::int64_t c = 0; c < shape.columns; ++c) {
      float z = x[start + c] * scale[c] + shift[c];
      if constexpr (Residual) z += residual[start + c];
      z = activated<A>(z);
      if constexpr (Drop) {
        z *= kept(dropout, static_cast<std::uint32_t>(start + c));
      }
      y[start + c] = z;
    }
  }
}

/// The sums of the rows of `block`, which begin with element `first`.
template <Activation A, bool Drop>
CAPE_INLINE void backward_rows(const float* dy, const float* y, const float* x,
                               const float* mean, const float* scale,
                               const float* shift, std::int64_t first,
                               Matrix block, const Scaled& dropout, float* d,
                               float* sums) {
  const std::int64_t columns = block.columns;
  float* const sum_0 = sums;
  float* const sum_1 = sums + columns;
  for (std::int64_t row = 0; row < block.rows; ++row) {
    const std::int64_t start = first + row * columns;
#pragma GCC ivdep
    for (std::int64_t c = 0; c < columns; ++c) {
      const float value = x[start + c] - mean[c];
      float g = dy[start + c];
      if constexpr (Drop) {
        g *= kept(dropout, static_cast<std::uint32_t>(start + c));
      }
      g *= slope<A>(value * scale[c] + shift[c], y[start + c]);
      d[start + c] = g;
      sum_0[c] += g;
      sum_1[c] += g * value;
    }
  }
}

template <Activation A>
CAPE_INLINE void forward(const float* x, const float* residual,
                         const float* scale, const float* shift, Matrix shape,
                         const Dropout& dropout, float* y) {
  const Scaled drops = scaled(dropout);
  if (residual != nullptr && dropout.rate > 0) {
    forward_rows<A, true, true>(x, residual, scale, shift, shape, drops, y);
  } else if (residual != nullptr) {
    forward_rows<A, false, true>(x, residual, scale, shift, shape, drops, y);
  } else if (dropout.rate > 0) {
    forward_rows<A, true, false>(x, residual, scale, shift, shape, drops, y);
  } else {
    forward_rows<A, false, false>(x, residual, scale, shift, shape, drops, y);
  }
}

template <Activation A>
CAPE_INLINE void backward(const float* dy, const float* y, const float* x,
                          const float* mean, const float* scale,
                          const float* shift, std::int64_t first, Matrix block,
                          const Dropout& dropout, float* d, float* sums) {
  const Scaled drops = scaled(dropout);
  if (dropout.rate > 0) {
    backward_rows<A, true>(dy, y, x, mean, scale, shift, first, block, drops, d,
                           sums);
  } else {
    backward_rows<A, false>(dy, y, x, mean, scale, shift, first, block, drops,
                            d, sums);
  }
}

CAPE_CLONES void add_moments(const float* x, const float* reference,
                             Matrix block, float* sums) {
  const std::int64_t columns = block.columns;
  for (std::int64_t row = 0; row < block.rows; ++row) {
#pragma GCC ivdep
    for (std::int64_t c = 0; c < columns; ++c) {
      const float deviation = x[row * columns + c] - reference[c];
      sums[c] += deviation;
      sums[columns + c] += deviation * deviation;
    }
  }
}

CAPE_CLONES void backward_block(const float* dy, const float* y, const float* x,
                                const float* mean, const float* scale,
                                const float* shift, std::int64_t first,
                                Matrix block, Activation activation,
                                const Dropout& dropout, float* d, float* sums) {
  switch (activation) {
    case Activation::none:
      return backward<Activation::none>(dy, y, x, mean, scale, shift, first,
                                        block, dropout, d, sums);
    case Activation::relu:
      return backward<Activation::relu>(dy, y, x, mean, scale, shift, first,
                                        block, dropout, d, sums);
    case Activation::relu6:
      return backward<Activation::relu6>(dy, y, x, mean, scale, shift, first,
                                         block, dropout, d, sums);
    case Activation::gelu:
      return backward<Activation::gelu>(dy, y, x, mean, scale, shift, first,
                                        block, dropout, d, sums);
  }
}

}  // namespace

void column_moments(const float* x, Matrix shape, float* mean,
                    float* variance) {
  const auto columns = static_cast<std::size_t>(shape.columns);
  std::vector<double> sums(columns);
  std::vector<double> squares(columns);
  add_up_blocks(shape, sums.data(), squares.data(),
                [&](std::int64_t first, Matrix block, float* block_sums) {
                  // Relative to the first row, so that a large mean does not
                  // cost precision.
                  add_moments(x + first, x, block, block_sums);
                });
  const auto count = static_cast<double>(shape.rows);
  for (std::size_t c = 0; c < columns; ++c) {
    const double shift = sums[c] / count;
    mean[c] = static_cast<float>(x[c] + shift);
    variance[c] =
        static_cast<float>(std::max(squares[c] / count - shift * shift, 0.0));
  }
}

CAPE_CLONES void affine_activation(const float* x, const float* residual,
                                   const float* scale, const float* shift,
                                   Matrix shape, Activation activation,
                                   const Dropout& dropout, float* y) {
  switch (activation) {
    case Activation::none:
      return forward<Activation::none>(x, residual, scale, shift, shape,
                                       dropout, y);
    case Activation::relu:
      return forward<Activation::relu>(x, residual, scale, shift, shape,
                                       dropout, y);
    case Activation::relu6:
      return forward<Activation::relu6>(x, residual, scale, shift, shape,
                                        dropout, y);
    case Activation::gelu:
      return forward<Activation::gelu>(x, residual, scale, shift, shape,
                                       dropout, y);
  }
}

void affine_activation_backward(const float* dy, const float* y, const float* x,
                                const float* mean, const float* scale,
                                const float* shift, Matrix shape,
                                Activation activation, const Dropout& dropout,
                                float* d, double* sum_d, double* sum_dx) {
  add_up_blocks(shape, sum_d, sum_dx,
                [&](std::int64_t first, Matrix block, float* sums) {
                  backward_block(dy, y, x, mean, scale, shift, first, block,
                                 activation, dropout, d, sums);
                });
}

CAPE_CLONES void columns_combination(const float* d, const float* x,
                                     const float* a, const float* b,
                                     const float* c, Matrix shape, float* y) {
  for (std::int64_t row = 0; row < shape.rows; ++row) {
    const std::int64_t start = row * shape.columns;
#pragma GCC ivdep
    for (std::int64_t i = 0; i < shape.columns; ++i) {
      y[start + i] = a[i] * d[start + i] + b[i] * x[start + i] + c[i];
    }
  }
}

}  // namespace cape::kernels
