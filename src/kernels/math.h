/// Elementary functions and sums that compilers can vectorise. The functions
/// are exact to about 1e-7 times the larger of 1 and the value. Private to the
/// kernels.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "kernels/kernels.h"

// One version of a function for each level; the choice is made at the start.
#if defined(CAPE_KERNEL_LEVEL)  // one level alone, for tests and benchmarks
#define CAPE_CLONES __attribute__((target(CAPE_KERNEL_LEVEL)))
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define CAPE_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CAPE_CLONES
#endif
// A function with several versions can only call what is compiled with it.
#define CAPE_INLINE inline __attribute__((always_inline))

namespace cape::kernels {

/// How many numbers the vectors have that the kernels run with.
inline int lanes_of_vectors() {
#if defined(CAPE_KERNEL_LEVEL)
  constexpr std::string_view kLevel = CAPE_KERNEL_LEVEL;
  return kLevel == "arch=x86-64-v4" ? 16 : kLevel == "arch=x86-64-v3" ? 8 : 4;
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (__builtin_cpu_supports("x86-64-v4")) return 16;
  return __builtin_cpu_supports("x86-64-v3") ? 8 : 4;
#else
  return 4;
#endif
}

/// e^x by Cody and Waite's reduction and Cephes' polynomial.
CAPE_INLINE float exponential(float x) {
  x = std::min(std::max(x, -87.0F), 88.0F);
  const float n = std::floor(x * 1.44269504088896341F + 0.5F);
  const float r = x - n * 0.693359375F + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const auto exponent = static_cast<std::int32_t>(n) + 127;
  return p * std::bit_cast<float>(exponent << 23);
}

CAPE_INLINE float sigmoid(float x) { return 1.0F / (1.0F + exponential(-x)); }

/// Cephes' polynomial near zero, where the quotient would lose precision.
CAPE_INLINE float hyperbolic_tangent(float x) {
  const float z = x * x;
  float p = -5.70498872745e-3F;
  p = p * z + 2.06390887954e-2F;
  p = p * z - 5.37397155531e-2F;
  p = p * z + 1.33314422036e-1F;
  p = p * z - 3.33332819422e-1F;
  const float near = x + x * z * p;
  const float far = 1.0F - 2.0F / (exponential(2.0F * x) + 1.0F);
  return std::fabs(x) < 0.625F ? near : far;
}

/// The standard normal distribution; Abramowitz and Stegun 7.1.26.
struct Normal {
  float cumulative;
  float density;
};
CAPE_INLINE Normal normal(float x) {
  const float magnitude = std::fabs(x);
  const float t = 1.0F / (1.0F + 0.3275911F * 0.70710678F * magnitude);
  const float e = exponential(-0.5F * x * x);
  float p = 1.061405429F;
  p = p * t - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const float tail = 0.5F * p * t * e;
  return {x < 0 ? tail : 1.0F - tail, 0.39894228F * e};
}

constexpr std::int64_t kLanes = 16;

/// One vector register, or several.
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

CAPE_INLINE void load(const float* x, Lanes& lanes) {
  std::memcpy(&lanes, x, sizeof lanes);
}

/// The sum of of(0) ... of(count - 1), in lanes that compilers can vectorise.
template <class Of>
CAPE_INLINE float sum(std::int64_t count, const Of& of) {
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] += of(i + lane);
    }
  }
  float total = 0;
  for (; i < count; ++i) total += of(i);
  for (const float lane : lanes) total += lane;
  return total;
}

/// Two sums for each column, block by block into doubles; a block has as many
/// rows as float32 can add up. add(start, block, sums) adds the sums of a block
/// to `sums`: first the first sums of all columns, then the second ones.
/// `start` is the block's first element.
template <class Add>
void add_up_blocks(Matrix shape, double* first, double* second,
                   const Add& add) {
  constexpr std::int64_t kRows = 64;
  const auto columns = static_cast<std::size_t>(shape.columns);
  std::vector<float> sums(2 * columns);
  std::fill_n(first, columns, 0.0);
  std::fill_n(second, columns, 0.0);
  for (std::int64_t row = 0; row < shape.rows; row += kRows) {
    std::fill(sums.begin(), sums.end(), 0.0F);
    add(row * shape.columns,
        Matrix{std::min(kRows, shape.rows - row), shape.columns}, sums.data());
    for (std::size_t c = 0; c < columns; ++c) {
      first[c] += sums[c];
      second[c] += sums[columns + c];
    }
  }
}

/// 32 well mixed bits (Wellons' lowbias32).
CAPE_INLINE std::uint32_t mixed(std::uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  return x ^ (x >> 16);
}

}  // namespace cape::kernels
