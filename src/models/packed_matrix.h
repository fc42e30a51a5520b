/// A matrix that is used in many products.
#pragma once

#include <memory>

#include "models/torch.h"

namespace cape::models {

/// A float32 matrix, rearranged once for products with matrices of `rows` rows,
/// if LibTorch has MKL. Otherwise MKL rearranges it in every product, which
/// takes a third of the time for the small batches of a recurrent step.
class PackedMatrix {
 public:
  /// `matrix`: n x m, contiguous or the transpose of a contiguous matrix.
  PackedMatrix(const torch::Tensor& matrix, std::int64_t rows);

  /// out = `a` times the matrix: rows x m; `a` is rows x n, contiguous.
  void multiply(const torch::Tensor& a, const torch::Tensor& out) const;
  /// Adds the same product to `out`.
  void multiply_add(const torch::Tensor& a, const torch::Tensor& out) const;

 private:
  void compute(const torch::Tensor& a, float beta,
               const torch::Tensor& out) const;

  const torch::Tensor matrix_;
  const std::int64_t rows_;
  torch::Tensor packed_;  ///< bytes; undefined without MKL
};

}  // namespace cape::models
