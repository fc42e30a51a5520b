#include "models/attention.h"

#include <gtest/gtest.h>

namespace cape::models {
namespace {

using torch::Tensor;

struct AttentionCase {
  std::int64_t samples, tokens, heads, features;
};

class AttentionTest
    : public testing::TestWithParam<std::tuple<AttentionCase, bool>> {
 protected:
  /// (samples tokens) x width
  Tensor rows() const {
    return torch::randn(
        {case_.samples * case_.tokens, case_.heads * case_.features});
  }

  /// LibTorch's, in double precision.
  Tensor expected(const Tensor& q, const Tensor& k, const Tensor& v) const {
    const auto heads = [&](const Tensor& x) {
      return x.view({case_.samples, case_.tokens, case_.heads, case_.features})
          .transpose(1, 2);
    };
    const Tensor products = heads(q).matmul(heads(k).transpose(2, 3)) /
                            std::sqrt(static_cast<double>(case_.features));
    return torch::softmax(products, 3)
        .matmul(heads(v))
        .transpose(1, 2)
        .reshape_as(q);
  }

  const AttentionCase case_ = std::get<0>(GetParam());
  const bool keep_ = std::get<1>(GetParam());
};

TEST_P(AttentionTest, AgreesWithItsDefinitionInDouble) {
  torch::manual_seed(1);
  // Large products: weights from 1 down to less than the smallest float.
  const AttentionInput input = {6 * rows(), 6 * rows(), rows(), case_.tokens,
                                case_.heads};
  const Tensor d_output = rows();
  const Attention attention = attend(input, keep_);
  EXPECT_EQ(attention.weights.defined(), keep_);
  const AttentionGradients d = attend_backward(input, attention, d_output);

  std::vector<Tensor> exact;
  for (const Tensor& x : {input.queries, input.keys, input.values}) {
    exact.push_back(x.to(torch::kDouble).set_requires_grad(true));
  }
  const Tensor output = expected(exact[0], exact[1], exact[2]);
  const auto gradients =
      torch::autograd::grad({output}, exact, {d_output.to(torch::kDouble)});
  // Products of up to 65 terms of size 6 in float32, in an exponent.
  EXPECT_TRUE(
      torch::allclose(attention.output.to(torch::kDouble), output, 1e-4, 1e-4));
  EXPECT_TRUE(
      torch::allclose(d.queries.to(torch::kDouble), gradients[0], 1e-4, 1e-3));
  EXPECT_TRUE(
      torch::allclose(d.keys.to(torch::kDouble), gradients[1], 1e-4, 1e-3));
  EXPECT_TRUE(
      torch::allclose(d.values.to(torch::kDouble), gradients[2], 1e-4, 1e-4));
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionTest,
    testing::Combine(testing::Values(AttentionCase{1, 1, 1, 1},
                                     AttentionCase{2, 3, 2, 5},
                                     AttentionCase{3, 17, 1, 16},
                                     AttentionCase{2, 65, 3, 64}),
                     testing::Bool()));

}  // namespace
}  // namespace cape::models
