// The scan against the same steps from Torch's own operations, in double.

#include "models/recurrent.h"
#include "models/torch.h"

#include <gtest/gtest.h>

namespace cape::models {
namespace {

using torch::Tensor;

/// Output and all gradients; undefined where there are none.
template <int Gates>
std::vector<Tensor> outcome(RecurrentLayer<Gates>& layer, const Tensor& input,
                            const Tensor& weights, bool input_gradient) {
  const Tensor x = input.detach().clone().set_requires_grad(input_gradient);
  const Tensor y = layer.forward(x);
  layer.zero_grad();
  (y * weights).sum().backward();
  std::vector<Tensor> all = {y, x.grad()};
  for (const Tensor& parameter : layer.parameters()) {
    const Tensor& gradient = parameter.grad();
    all.push_back(gradient.defined() ? gradient.clone() : Tensor());
  }
  return all;
}

double norm_of(const Tensor& x) { return x.norm().item<double>(); }

struct Shape {
  std::int64_t steps, samples, features, hidden;
};

/// `frozen`: the weights, but not the biases.
template <int Gates>
void expect_exact(const Shape& shape, bool reverse, bool frozen) {
  torch::manual_seed(5);
  RecurrentLayer<Gates> layer(shape.features, shape.hidden, reverse);
  for (const auto& parameter : layer.named_parameters()) {
    Tensor(parameter.value())
        .set_requires_grad(!frozen || parameter.key().ends_with("bias"));
  }
  const Tensor input =
      torch::randn({shape.steps, shape.samples, shape.features});
  const Tensor weights =
      torch::randn({shape.steps, shape.samples, shape.hidden});
  const auto scanned = outcome(layer, input, weights, !frozen);
  layer.to(torch::kDouble);
  const auto stepped = outcome(layer, input.to(torch::kDouble),
                               weights.to(torch::kDouble), !frozen);
  ASSERT_EQ(scanned.size(), stepped.size());
  for (std::size_t i = 0; i < scanned.size(); ++i) {
    ASSERT_EQ(scanned[i].defined(), stepped[i].defined()) << i;
    if (!scanned[i].defined()) continue;
    const torch::Tensor difference = scanned[i].to(torch::kDouble) - stepped[i];
    EXPECT_LE(norm_of(difference), 1e-5 * norm_of(stepped[i])) << i;
  }
}

template <int Gates>
void expect_scan_is_exact(bool reverse) {
  expect_exact<Gates>({6, 3, 11, 13}, reverse, false);
  expect_exact<Gates>({6, 3, 11, 13}, reverse, true);
  expect_exact<Gates>({1, 3, 11, 13}, reverse, false);    // a single step
  expect_exact<Gates>({5, 1, 4, 16}, reverse, false);     // a single sample
  expect_exact<Gates>({28, 33, 28, 40}, reverse, false);  // as in the zoo
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
