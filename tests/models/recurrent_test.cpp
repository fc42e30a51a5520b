// The scan against the same steps from Torch's own operations, in double.

#include "models/recurrent.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace cape::models {
namespace {

using torch::Tensor;

/// Output and all gradients.
template <int Gates>
std::vector<Tensor> outcome(RecurrentLayer<Gates>& layer, const Tensor& input,
                            const Tensor& weights) {
  const Tensor x = input.detach().clone().requires_grad_();
  const Tensor y = layer.forward(x);
  layer.zero_grad();
  (y * weights).sum().backward();
  std::vector<Tensor> all = {y, x.grad()};
  for (const Tensor& parameter : layer.parameters()) {
    all.push_back(parameter.grad().clone());
  }
  return all;
}

template <int Gates>
void expect_scan_is_exact(bool reverse) {
  torch::manual_seed(5);
  RecurrentLayer<Gates> layer(11, 13, reverse);
  const Tensor input = torch::randn({6, 3, 11});
  const Tensor weights = torch::randn({6, 3, 13});
  const auto scanned = outcome(layer, input, weights);
  layer.to(torch::kDouble);
  const auto stepped =
      outcome(layer, input.to(torch::kDouble), weights.to(torch::kDouble));
  ASSERT_EQ(scanned.size(), stepped.size());
  for (std::size_t i = 0; i < scanned.size(); ++i) {
    EXPECT_TRUE(
        torch::allclose(scanned[i].to(torch::kDouble), stepped[i], 1e-5, 2e-6))
        << i;
  }
}

TEST(RecurrentLayer, AnLstmScanIsExact) {
  expect_scan_is_exact<4>(false);
  expect_scan_is_exact<4>(true);
}

TEST(RecurrentLayer, AGruScanIsExact) {
  expect_scan_is_exact<3>(false);
  expect_scan_is_exact<3>(true);
}

}  // namespace
}  // namespace cape::models
