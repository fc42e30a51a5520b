#include "trainer/probe.h"
#include "models/torch.h"

#include <gtest/gtest.h>

#include "models/layers.h"

namespace cape::trainer {
namespace {

using models::Model;

constexpr std::int64_t kProbeSamples = 6;
const std::vector<std::int64_t> kSmallImage = {1, 6, 6};

/// Logits W x + b.
class Softmax : public Model {
 public:
  Softmax(std::int64_t features, std::int64_t classes)
      : linear_(register_module(
            "linear", std::make_shared<models::Linear>(features, classes))) {
    const torch::NoGradGuard no_grad;
    linear_->weight.normal_();
    linear_->bias.normal_();
  }
  torch::Tensor forward(const torch::Tensor& inputs) override {
    return linear_->forward(inputs.flatten(1));
  }

 private:
  std::shared_ptr<models::Linear> linear_;
};

struct Batch {
  torch::Tensor inputs = torch::randn({kProbeSamples, 1, 6, 6});
  torch::Tensor labels = torch::arange(kProbeSamples) % 3;
};

/// Everything that a probe could change.
std::vector<torch::Tensor> state_of(const Model& model) {
  std::vector<torch::Tensor> state = {
      at::detail::getDefaultCPUGenerator().get_state()};
  for (const auto& tensor : model.parameters()) state.push_back(tensor.clone());
  for (const auto& tensor : model.buffers()) state.push_back(tensor.clone());
  return state;
}

TEST(ProbeTest, AgreesWithTheClosedFormOfSoftmaxRegression) {
  torch::manual_seed(1);
  const auto model = std::make_shared<Softmax>(36, 3);
  const Batch batch;
  const trial::ProbeResult probe =
      probe_by_loop(*model, batch.inputs, batch.labels);

  // Of sample i: (p - y) (x, 1)^T, and e_y (x, 1)^T for the true logit.
  const torch::NoGradGuard no_grad;
  const auto with_bias =
      batch.inputs.flatten(1).to(torch::kDouble).square().sum(1) + 1;
  const auto error =
      torch::softmax(model->forward(batch.inputs).to(torch::kDouble), 1) -
      torch::one_hot(batch.labels, 3);
  const double g2 = (error.square().sum(1) * with_bias).mean().item<double>();
  EXPECT_NEAR(probe.g2 / g2, 1, 1e-5);
  EXPECT_NEAR(probe.tau / with_bias.mean().item<double>(), 1, 1e-5);
}

TEST(ProbeTest, OfEqualSamplesIsTheBatchsGradient) {
  torch::manual_seed(2);
  const auto model =
      models::build(zoo::Mlp{.layers = 2, .width = 16}, kSmallImage, 3);
  const auto inputs =
      torch::randn({1, 1, 6, 6}).repeat({kProbeSamples, 1, 1, 1});
  const auto labels = torch::full({kProbeSamples}, 2, torch::kLong);
  const trial::ProbeResult probe = probe_by_loop(*model, inputs, labels);

  model->eval();
  torch::cross_entropy_loss(model->forward(inputs), labels).backward();
  double squared = 0;
  for (const auto& parameter : model->parameters()) {
    squared += parameter.grad().square().sum().item<double>();
  }
  EXPECT_NEAR(probe.g2 / squared, 1, 1e-5);
}

TEST(ProbeTest, IsTheMeanOfItsSamplesProbes) {
  torch::manual_seed(3);
  const auto model =
      models::build(zoo::Mlp{.layers = 2, .width = 16}, kSmallImage, 3);
  const Batch batch;
  trial::ProbeResult mean;
  for (std::int64_t i = 0; i < kProbeSamples; ++i) {
    const trial::ProbeResult one = probe_by_loop(
        *model, batch.inputs.narrow(0, i, 1), batch.labels.narrow(0, i, 1));
    mean.g2 += one.g2 / kProbeSamples;
    mean.tau += one.tau / kProbeSamples;
  }
  const trial::ProbeResult all =
      probe_by_loop(*model, batch.inputs, batch.labels);
  EXPECT_NEAR(all.g2 / mean.g2, 1, 1e-12);
  EXPECT_NEAR(all.tau / mean.tau, 1, 1e-12);
}

TEST(ProbeTest, LeavesTheModelAndTheRandomStateAsTheyWere) {
  torch::manual_seed(4);
  const auto model =
      models::build(zoo::Mlp{.layers = 2, .width = 16}, kSmallImage, 3);
  model->train();
  model->children().front()->eval();
  const Batch batch;
  const auto before = state_of(*model);
  probe_by_loop(*model, batch.inputs, batch.labels);

  const auto after = state_of(*model);
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(torch::equal(before[i], after[i])) << "tensor " << i;
  }
  for (const auto& parameter : model->parameters()) {
    EXPECT_FALSE(parameter.grad().defined());
  }
  EXPECT_TRUE(model->is_training());
  EXPECT_FALSE(model->children().front()->is_training());
  EXPECT_TRUE(model->children().back()->is_training());
}

TEST(ProbeTest, FrozenParametersDoNotCount) {
  torch::manual_seed(5);
  const auto model = std::make_shared<Softmax>(36, 3);
  const Batch batch;
  torch::Tensor weight = model->parameters().front();
  weight.requires_grad_(false);
  // The true logit's gradient with respect to the bias alone is a unit vector.
  EXPECT_NEAR(probe_by_loop(*model, batch.inputs, batch.labels).tau, 1, 1e-12);
}

}  // namespace
}  // namespace cape::trainer
