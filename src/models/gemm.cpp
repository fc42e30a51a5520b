#include "models/gemm.h"

#include "models/torch.h"

// From the BLAS that LibTorch contains, if it contains one.
extern "C" [[gnu::weak]] void sgemm_(const char* transpose_a,
                                     const char* transpose_b, const int* m,
                                     const int* n, const int* k,
                                     const float* alpha, const float* a,
                                     const int* stride_a, const float* b,
                                     const int* stride_b, const float* beta,
                                     float* c, const int* stride_c);

namespace cape::models {
namespace {

/// `x` as a tensor of rows x columns.
torch::Tensor view(const Strided& x, std::int64_t rows, std::int64_t columns) {
  // from_blob wants a mutable pointer, but nothing writes through it.
  auto* const data = const_cast<float*>(x.data);
  return x.is_transposed
             ? torch::from_blob(data, {rows, columns}, {1, x.stride})
             : torch::from_blob(data, {rows, columns}, {x.stride, 1});
}

}  // namespace

void gemm(const Strided& a, const Strided& b, const GemmShape& shape, float* c,
          std::int64_t stride) {
  if (sgemm_ == nullptr) {
    torch::Tensor out = view({c, stride}, shape.rows, shape.columns);
    torch::mm_out(out, view(a, shape.rows, shape.inner),
                  view(b, shape.inner, shape.columns));
    return;
  }
  // BLAS stores matrices by columns, so it computes c^T = b^T a^T.
  const int m = static_cast<int>(shape.columns);
  const int n = static_cast<int>(shape.rows);
  const int k = static_cast<int>(shape.inner);
  const int strides[] = {static_cast<int>(b.stride), static_cast<int>(a.stride),
                         static_cast<int>(stride)};
  const float one = 1, zero = 0;
  sgemm_(b.is_transposed ? "T" : "N", a.is_transposed ? "T" : "N", &m, &n, &k,
         &one, b.data, &strides[0], a.data, &strides[1], &zero, c, &strides[2]);
}

}  // namespace cape::models
