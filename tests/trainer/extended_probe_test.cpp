// The extended features of evaluation mode against explicit gradients.

#include <gtest/gtest.h>

#include <cmath>

#include "models/build.h"
#include "models/torch.h"
#include "trainer/parallel_ordered.h"
#include "trainer/probe.h"

namespace cape::trainer {
namespace {

constexpr double kStepSize = 1e-3;

class ExtendedProbeTest : public testing::TestWithParam<zoo::Architecture> {
 protected:
  void SetUp() override {
    torch::manual_seed(11);
    model_ = models::build(GetParam(), {1, 28, 28}, 10);
    model_->to(torch::kDouble);
    const auto shape = zoo::input_shape(GetParam(), {1, 28, 28});
    // More than an image network's probe takes at once.
    inputs_ = torch::randn({36, shape[0], shape[1], shape[2]}, torch::kDouble);
  }

  trial::ExtendedProbe probed() {
    return probe(*model_, inputs_, labels_, kStepSize).extended.value();
  }

  torch::Tensor loss() {
    return torch::cross_entropy_loss(model_->forward(inputs_), labels_);
  }

  std::shared_ptr<models::Model> model_;
  torch::Tensor inputs_;
  const torch::Tensor labels_ =
      torch::tensor({0, 0, 0, 1, 1, 1, 2, 2, 2, 5, 5, 5}).repeat(3);
};

TEST_P(ExtendedProbeTest, IsInFloatWhatItIsInDouble) {
  const trial::ExtendedProbe expected = probed();
  model_->to(torch::kFloat);
  inputs_ = inputs_.to(torch::kFloat);
  const trial::ExtendedProbe found = probed();
  EXPECT_NEAR(found.loss / expected.loss, 1, 1e-5);
  EXPECT_NEAR(found.mean_g2 / expected.mean_g2, 1, 1e-4);
  EXPECT_NEAR(found.logit_spread / expected.logit_spread, 1, 1e-4);
}

TEST_P(ExtendedProbeTest, AgreesWithExplicitGradients) {
  const trial::ExtendedProbe found = probed();
  model_->eval();
  const torch::Tensor before = loss();
  EXPECT_NEAR(found.loss, before.item<double>(), 1e-12);
  const auto parameters = model_->parameters();
  const auto gradients = torch::autograd::grad({before}, parameters);
  double squared = 0;
  for (const auto& gradient : gradients) {
    squared += gradient.square().sum().item<double>();
  }
  EXPECT_NEAR(found.mean_g2 / squared, 1, 1e-9);
}

TEST_P(ExtendedProbeTest, LeavesEverythingAsItWas) {
  const auto state = [&] {
    std::vector<torch::Tensor> all = {
        at::detail::getDefaultCPUGenerator().get_state()};
    for (const auto& tensor : model_->parameters()) {
      all.push_back(tensor.clone());
      EXPECT_FALSE(tensor.grad().defined());
    }
    for (const auto& tensor : model_->buffers()) all.push_back(tensor.clone());
    return all;
  };
  model_->to(torch::kFloat);
  inputs_ = inputs_.to(torch::kFloat);
  const auto before = state();
  probed();
  const auto after = state();
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(torch::equal(before[i], after[i])) << i;
  }
  EXPECT_TRUE(model_->is_training());
}

TEST_P(ExtendedProbeTest, DescribesLabelsAndLogits) {
  const trial::ExtendedProbe found = probed();
  EXPECT_NEAR(found.label_entropy, std::log(4), 1e-12);
  model_->eval();
  const torch::NoGradGuard no_grad;
  const torch::Tensor logits = model_->forward(inputs_);
  const torch::Tensor centred = logits - logits.mean(1, true);
  EXPECT_NEAR(found.logit_spread,
              centred.square().mean(1).sqrt().mean().item<double>(), 1e-12);
}

INSTANTIATE_TEST_SUITE_P(
    Zoo, ExtendedProbeTest,
    testing::Values(zoo::Mlp{.layers = 2, .width = 32}, zoo::VggLite{.base = 8},
                    zoo::ResnetMini{.base = 8}, zoo::MobilenetMini{.stem = 8},
                    zoo::Gru{.hidden = 16, .bidirectional = true},
                    zoo::Vit{.width = 33, .depth = 1},
                    zoo::Cct{.width = 32, .depth = 1}),
    [](const auto& instance) {
      return zoo::family(instance.param) + std::to_string(instance.index);
    });

TEST(ExtendedProbe, IsOffWithoutALearningRate) {
  const auto model =
      models::build(zoo::Mlp{.layers = 2, .width = 8}, {1, 4, 4}, 3);
  const trial::ProbeResult result =
      probe(*model, torch::randn({5, 1, 4, 4}), torch::arange(5) % 3);
  EXPECT_FALSE(result.extended.has_value());
}

TEST(ExtendedProbe, IsTheSameOnAThreadAPart) {
  torch::manual_seed(5);
  const auto model = models::build(
      zoo::Cct{.width = 16, .depth = 1, .heads = 2}, {3, 32, 32}, 10);
  const torch::Tensor inputs = torch::randn({18, 3, 32, 32});
  const torch::Tensor labels = torch::arange(18) % 10;
  const auto probed = [&](int count) {
    const TorchThreads threads(count);
    return probe(*model, inputs, labels, kStepSize);
  };
  const trial::ProbeResult alone = probed(1);
  for (const int count : {2, 3, 5}) {
    const trial::ProbeResult found = probed(count);
    EXPECT_EQ(found.g2, alone.g2);
    EXPECT_EQ(found.tau, alone.tau);
    EXPECT_EQ(found.extended->mean_g2, alone.extended->mean_g2);
    EXPECT_EQ(found.extended->training_mode.step_losses,
              alone.extended->training_mode.step_losses);
  }
}

}  // namespace
}  // namespace cape::trainer
