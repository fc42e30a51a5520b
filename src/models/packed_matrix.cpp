#include "models/packed_matrix.h"

// From MKL's CBLAS, which LibTorch for Linux on x86-64 contains.
extern "C" {
[[gnu::weak]] std::size_t cblas_sgemm_pack_get_size(int identifier, int m,
                                                    int n, int k);
[[gnu::weak]] void cblas_sgemm_pack(int layout, int identifier, int transpose,
                                    int m, int n, int k, float alpha,
                                    const float* source, int leading,
                                    float* packed);
[[gnu::weak]] void cblas_sgemm_compute(int layout, int transpose_a,
                                       int transpose_b, int m, int n, int k,
                                       const float* a, int leading_a,
                                       const float* b, int leading_b,
                                       float beta, float* c, int leading_c);
}

namespace cape::models {
namespace {

constexpr int kRowMajor = 101;
constexpr int kPlain = 111;
constexpr int kTransposed = 112;
constexpr int kPacked = 151;
constexpr int kSecondFactor = 162;

bool has_mkl() {
  return cblas_sgemm_pack_get_size != nullptr && cblas_sgemm_pack != nullptr &&
         cblas_sgemm_compute != nullptr;
}

int as_int(std::int64_t size) { return static_cast<int>(size); }

}  // namespace

PackedMatrix::PackedMatrix(const torch::Tensor& matrix, std::int64_t rows)
    : matrix_(matrix), rows_(rows) {
  if (!has_mkl()) return;
  const int m = as_int(rows);
  const int n = as_int(matrix.size(1));
  const int k = as_int(matrix.size(0));
  packed_ = torch::empty({static_cast<std::int64_t>(cblas_sgemm_pack_get_size(
                             kSecondFactor, m, n, k))},
                         torch::kByte);
  // For a matrix of one column or one row both are true.
  const bool transposed = !matrix.is_contiguous();
  cblas_sgemm_pack(kRowMajor, kSecondFactor, transposed ? kTransposed : kPlain,
                   m, n, k, /*alpha=*/1, matrix.const_data_ptr<float>(),
                   transposed ? k : n, static_cast<float*>(packed_.data_ptr()));
}

void PackedMatrix::multiply(const torch::Tensor& a,
                            const torch::Tensor& out) const {
  compute(a, 0, out);
}

void PackedMatrix::multiply_add(const torch::Tensor& a,
                                const torch::Tensor& out) const {
  compute(a, 1, out);
}

void PackedMatrix::compute(const torch::Tensor& a, float beta,
                           const torch::Tensor& out) const {
  if (!packed_.defined()) {
    out.addmm_(a, matrix_, beta);
    return;
  }
  const int n = as_int(matrix_.size(1));
  const int k = as_int(matrix_.size(0));
  cblas_sgemm_compute(kRowMajor, kPlain, kPacked, as_int(rows_), n, k,
                      a.const_data_ptr<float>(), k,
                      static_cast<const float*>(packed_.const_data_ptr()), n,
                      beta, out.data_ptr<float>(), n);
}

}  // namespace cape::models
