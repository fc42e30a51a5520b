/// Products of parts of float32 matrices, without making a tensor for each
/// part.
#pragma once

#include <cstdint>

namespace cape::models {

/// A row-major matrix, or the transpose of one.
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
