// The fused BatchNorm against the same from Torch's own operations.

#include "models/norm_activation.h"
#include "models/torch.h"

#include <gtest/gtest.h>

namespace cape::models {
namespace {

using torch::Tensor;

constexpr std::int64_t kFeatures = 19;  // no multiple of a vector's length

struct NormActivationCase {
  Activation activation;
  bool images;
  bool residual;
  bool evaluation = false;
};

Tensor random_input(bool images) {
  if (!images) return torch::randn({37, kFeatures}) * 2 + 3;
  return (torch::randn({5, kFeatures, 7, 6}) * 2 + 3)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

std::shared_ptr<BatchNorm> random_norm() {
  auto norm = std::make_shared<BatchNorm>(kFeatures);
  const torch::NoGradGuard no_grad;
  norm->weight.uniform_(0.5, 1.5);
  norm->bias.uniform_(-1, 1);
  return norm;
}

/// Output, gradients and running statistics in the given precision; float32 is
/// what is fused.
std::vector<Tensor> outcome(const BatchNorm& like, const Tensor& input,
                            const Tensor& residual, const Tensor& weights,
                            const NormActivationCase& kind, torch::Dtype type) {
  BatchNorm norm(kFeatures);
  {
    const torch::NoGradGuard no_grad;
    norm.weight.copy_(like.weight);
    norm.bias.copy_(like.bias);
  }
  if (kind.evaluation) {
    norm.running_mean.fill_(2.5);
    norm.running_var.fill_(3.5);
    norm.eval();
  }
  norm.to(type);
  const auto leaf = [&](const Tensor& x) {
    return x.defined() ? x.detach().to(type).requires_grad_() : x;
  };
  const Tensor x = leaf(input);
  const Tensor r = leaf(residual);
  const Tensor y = norm_activate(norm, x, kind.activation, r);
  (y * weights.to(type)).sum().backward();
  std::vector<Tensor> all = {y,
                             x.grad(),
                             norm.weight.grad(),
                             norm.bias.grad(),
                             norm.running_mean,
                             norm.running_var};
  if (r.defined()) all.push_back(r.grad());
  return all;
}

class NormActivationTest : public testing::TestWithParam<NormActivationCase> {};

TEST_P(NormActivationTest, ComputesWhatTorchComputes) {
  torch::manual_seed(3);
  const auto& [activation, images, has_residual, evaluation] = GetParam();
  const auto norm = random_norm();
  const Tensor input = random_input(images);
  const Tensor residual = has_residual ? torch::randn_like(input) : Tensor();
  const Tensor weights = torch::randn_like(input);
  const auto fused =
      outcome(*norm, input, residual, weights, GetParam(), torch::kFloat);
  const auto reference =
      outcome(*norm, input, residual, weights, GetParam(), torch::kDouble);
  ASSERT_EQ(fused.size(), reference.size());
  for (std::size_t i = 0; i < fused.size(); ++i) {
    const Tensor difference = fused[i].to(torch::kDouble) - reference[i];
    // A few roundings of float32, of the largest element.
    EXPECT_LE(difference.abs().max().item<double>(),
              3e-6 * reference[i].abs().max().item<double>())
        << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, NormActivationTest,
    testing::Values(NormActivationCase{Activation::none, false, false},
                    NormActivationCase{Activation::gelu, false, false},
                    NormActivationCase{Activation::relu, false, false},
                    NormActivationCase{Activation::gelu, true, false},
                    NormActivationCase{Activation::relu, true, false},
                    NormActivationCase{Activation::relu6, true, false},
                    NormActivationCase{Activation::none, true, true},
                    NormActivationCase{Activation::relu, true, true},
                    NormActivationCase{Activation::gelu, false, false, true},
                    NormActivationCase{Activation::gelu, true, false, true},
                    NormActivationCase{Activation::relu6, true, false, true},
                    NormActivationCase{Activation::relu, true, true, true}));

TEST(NormActivation, DropsTheRateAndScalesTheRest) {
  torch::manual_seed(4);
  const auto norm = random_norm();
  const Tensor input = torch::randn({500, kFeatures}).requires_grad_();
  const Tensor kept_all = norm_activate(*norm, input, Activation::none);
  const Tensor y = norm_activate(*norm, input, Activation::none, {}, 0.2);
  const Tensor dropped = y == 0;
  // Of 9,500 elements: a deviation of 0.004.
  EXPECT_NEAR(dropped.to(torch::kDouble).mean().item<double>(), 0.2, 0.016);
  EXPECT_TRUE(torch::allclose(y.masked_select(~dropped),
                              kept_all.masked_select(~dropped) / 0.8));
  // No element is dropped for its column or row.
  EXPECT_LT(dropped.to(torch::kDouble).mean(0).max().item<double>(), 0.3);
  EXPECT_GT(dropped.to(torch::kDouble).mean(0).min().item<double>(), 0.1);

  // What was dropped gets no gradient.
  const Tensor at_y =
      torch::autograd::grad({y}, {norm->bias}, {torch::ones_like(y)})[0];
  EXPECT_TRUE(torch::allclose(at_y, (~dropped).sum(0) / 0.8));

  const Tensor other = norm_activate(*norm, input, Activation::none, {}, 0.2);
  EXPECT_FALSE(torch::equal(other == 0, dropped));
  torch::manual_seed(4);
  random_norm();
  torch::randn({500, kFeatures});
  const Tensor again = norm_activate(*norm, input, Activation::none, {}, 0.2);
  EXPECT_TRUE(torch::equal(again == 0, dropped));
}

}  // namespace
}  // namespace cape::models
