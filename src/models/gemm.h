/// Products of parts of float32 matrices, without a tensor for each.
#pragma once

#include <cstdint>

namespace cape::models {

/// Row-major, or the transpose of such.
struct Strided {
  const float* data;
  std::int64_t stride;  ///< of rows, in elements
  bool is_transposed = false;

  Strided transposed() const { return {data, stride, !is_transposed}; }
};

struct GemmShape {
  std::int64_t rows, columns, inner;
};

/// c = a b; c is row-major.
void gemm(const Strided& a, const Strided& b, const GemmShape& shape, float* c,
          std::int64_t stride);

}  // namespace cape::models
