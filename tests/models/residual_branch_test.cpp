// A Transformer block's fused branches, float32, against the same from Torch's
// own operations in double.

#include "models/residual_branch.h"
#include "models/torch.h"

#include <gtest/gtest.h>

#include "models/initialize.h"

namespace cape::models {
namespace {

using torch::Tensor;

constexpr std::int64_t kWidth = 20;  // no multiple of a vector's length

struct Layers : torch::nn::Module {
  Layers()
      : norm(register_module("norm", std::make_shared<LayerNorm>(kWidth))),
        attention(register_module("attention",
                                  std::make_shared<SelfAttention>(kWidth, 4))),
        expand(register_module("expand", std::make_shared<Linear>(kWidth, 33))),
        contract(
            register_module("contract", std::make_shared<Linear>(33, kWidth))) {
    attention_default(*attention);
    torch_default(*expand);
    torch_default(*contract);
    const torch::NoGradGuard no_grad;
    for (Tensor& tensor : parameters()) {
      tensor.add_(0.2 * torch::randn_like(tensor));
    }
  }

  std::shared_ptr<LayerNorm> norm;
  std::shared_ptr<SelfAttention> attention;
  std::shared_ptr<Linear> expand, contract;
};

Tensor attention_of(const Layers& layers, const Tensor& x) {
  return attention_branch(*layers.norm, *layers.attention, x);
}

Tensor mlp_of(const Layers& layers, const Tensor& x) {
  return mlp_branch(*layers.norm, *layers.expand, *layers.contract, x);
}

using Branch = Tensor (*)(const Layers&, const Tensor&);

/// Output and the gradients of input and parameters; undefined where there are
/// none.
std::vector<Tensor> outcome(Branch branch, Layers& layers, const Tensor& input,
                            const Tensor& weights) {
  const Tensor x = input.detach().requires_grad_();
  const Tensor y = branch(layers, x);
  layers.zero_grad();
  (y * weights).sum().backward();
  std::vector<Tensor> all = {y, x.grad()};
  for (const Tensor& parameter : layers.parameters()) {
    const Tensor& gradient = parameter.grad();
    all.push_back(gradient.defined() ? gradient.clone() : Tensor());
  }
  return all;
}

class ResidualBranchTest : public testing::TestWithParam<Branch> {
 protected:
  void SetUp() override { torch::manual_seed(6); }

  static void expect_exact(Layers& layers, const Tensor& input) {
    const Tensor weights = torch::randn(input.sizes());
    const auto fused = outcome(GetParam(), layers, input, weights);
    layers.to(torch::kDouble);
    const auto composed = outcome(GetParam(), layers, input.to(torch::kDouble),
                                  weights.to(torch::kDouble));
    for (std::size_t i = 0; i < fused.size(); ++i) {
      ASSERT_EQ(fused[i].defined(), composed[i].defined()) << i;
      if (!fused[i].defined()) continue;
      EXPECT_TRUE(
          torch::allclose(fused[i].to(torch::kDouble), composed[i], 1e-5, 1e-5))
          << i;
    }
  }
};

TEST_P(ResidualBranchTest, ComputesWhatTorchComputes) {
  Layers layers;
  expect_exact(layers, torch::randn({3, 7, kWidth}) * 2 + 1);
}

TEST_P(ResidualBranchTest, TakesASingleToken) {
  Layers layers;
  expect_exact(layers, torch::randn({2, 1, kWidth}));
}

TEST_P(ResidualBranchTest, TakesTokensThatLieApart) {
  Layers layers;
  expect_exact(layers, torch::randn({3, kWidth, 7}).transpose(1, 2));
}

TEST_P(ResidualBranchTest, HasNoGradientsForWhatIsFrozen) {
  Layers layers;
  for (const auto& parameter : layers.named_parameters()) {
    if (parameter.key().ends_with("weight")) {
      Tensor(parameter.value()).set_requires_grad(false);
    }
  }
  expect_exact(layers, torch::randn({3, 7, kWidth}));
}

INSTANTIATE_TEST_SUITE_P(Branches, ResidualBranchTest,
                         testing::Values(attention_of, mlp_of),
                         [](const auto& instance) {
                           return instance.param == attention_of ? "attention"
                                                                 : "mlp";
                         });

}  // namespace
}  // namespace cape::models
