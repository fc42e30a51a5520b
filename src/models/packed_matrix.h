/// A matrix that many products share.
#pragma once

#include <torch/torch.h>

#include <memory>

namespace cape::models {

/// A float32 matrix, rearranged once for products with matrices of `rows` rows
/// where LibTorch has MKL, which otherwise does so in every product. (For the
/// small batches of a recurrent step that is a third of the time.)
class PackedMatrix {
 public:
  /// `matrix`: n x m, contiguous or the transpose of a contiguous one.
  PackedMatrix(const torch::Tensor& matrix, std::int64_t rows);

  /// a matrix, of rows x m; `a` is rows x n, contiguous.
  void multiply(const torch::Tensor& a, const torch::Tensor& out) const;
  /// The same added to `out`.
  void multiply_add(const torch::Tensor& a, const torch::Tensor& out) const;

 private:
  void compute(const torch::Tensor& a, float beta,
               const torch::Tensor& out) const;

  const torch::Tensor matrix_;
  const std::int64_t rows_;
  torch::Tensor packed_;  ///< bytes; undefined without MKL
};

}  // namespace cape::models
