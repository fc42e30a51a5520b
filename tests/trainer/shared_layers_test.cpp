/// The engine against the loop where layers are used more than once: their
/// gradients are summed before the norm.

#include <gtest/gtest.h>

#include "models/build.h"
#include "models/initialize.h"
#include "models/layers.h"
#include "models/torch.h"
#include "trainer/probe.h"

namespace cape::trainer {
namespace {

/// Every kind of layer twice, the convolution over two sizes of image.
class TwiceModel : public models::Model {
 public:
  explicit TwiceModel(std::int64_t groups)
      : convolution_(std::make_shared<models::Conv2d>(
            6, 6, models::Conv2d::Options{.padding = 1, .groups = groups})),
        batch_norm_(std::make_shared<models::BatchNorm>(6)),
        positions_(std::make_shared<models::LearnedTensor>(
            std::vector<std::int64_t>{16, 6})),
        layer_norm_(std::make_shared<models::LayerNorm>(6)),
        linear_(std::make_shared<models::Linear>(6, 6)) {
    register_module("convolution", convolution_);
    register_module("batch_norm", batch_norm_);
    register_module("positions", positions_);
    register_module("layer_norm", layer_norm_);
    register_module("linear", linear_);
    models::kaiming_normal(*convolution_);
    models::small_normal(*positions_);
    models::torch_default(*linear_);
    const torch::NoGradGuard no_grad;
    for (torch::Tensor& tensor : parameters()) {
      tensor.add_(0.1 * torch::randn_like(tensor));
    }
    batch_norm_->running_mean.uniform_(-1, 1);
    batch_norm_->running_var.uniform_(0.5, 2);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    torch::Tensor x = torch::gelu(images(inputs));
    x = torch::gelu(images(torch::avg_pool2d(x, 2)));
    const std::int64_t samples = x.size(0);
    x = x.flatten(2).transpose(1, 2);
    for (int i = 0; i < 2; ++i) {
      x = x + positions_->forward(samples);
      x = torch::tanh(linear_->forward(layer_norm_->forward(x)));
    }
    return x.mean(1);
  }

 private:
  torch::Tensor images(const torch::Tensor& x) const {
    return batch_norm_->forward(convolution_->forward(x));
  }

  std::shared_ptr<models::Conv2d> convolution_;
  std::shared_ptr<models::BatchNorm> batch_norm_;
  std::shared_ptr<models::LearnedTensor> positions_;
  std::shared_ptr<models::LayerNorm> layer_norm_;
  std::shared_ptr<models::Linear> linear_;
};

/// By autograd, of the parameters that require a gradient.
double mean_g2(TwiceModel& model, const torch::Tensor& inputs,
               const torch::Tensor& labels) {
  std::vector<torch::Tensor> trained;
  for (const torch::Tensor& parameter : model.parameters()) {
    if (parameter.requires_grad()) trained.push_back(parameter);
  }
  model.eval();
  const torch::Tensor loss =
      torch::cross_entropy_loss(model.forward(inputs), labels);
  double sum = 0;
  for (const torch::Tensor& gradient : torch::autograd::grad({loss}, trained)) {
    sum += gradient.square().sum(torch::kDouble).item<double>();
  }
  return sum;
}

void expect_agreement(TwiceModel& model, std::int64_t samples,
                      torch::ScalarType type, double tolerance) {
  model.to(type);
  const torch::Tensor inputs = torch::randn({samples, 6, 8, 8}).to(type);
  const torch::Tensor labels = torch::arange(samples) % 6;
  const trial::ProbeResult engine =
      probe(model, inputs, labels, /*learning_rate=*/1);
  const trial::ProbeResult loop = probe_by_loop(model, inputs, labels);
  EXPECT_NEAR(engine.g2 / loop.g2, 1, tolerance);
  EXPECT_NEAR(engine.tau / loop.tau, 1, tolerance);
  EXPECT_NEAR(engine.extended->mean_g2 / mean_g2(model, inputs, labels), 1,
              tolerance);
}

class SharedLayersTest : public testing::TestWithParam<std::int64_t> {};

TEST_P(SharedLayersTest, AreSummedBeforeTheNorm) {
  torch::manual_seed(3);
  const auto model = std::make_shared<TwiceModel>(GetParam());
  for (const std::int64_t samples : {1, 9}) {
    expect_agreement(*model, samples, torch::kFloat, 1e-4);
    expect_agreement(*model, samples, torch::kDouble, 1e-9);
  }
}

TEST_P(SharedLayersTest, MayBeFrozenInPart) {
  torch::manual_seed(4);
  const auto model = std::make_shared<TwiceModel>(GetParam());
  for (const auto& parameter : model->named_parameters()) {
    if (parameter.key().ends_with("weight")) {
      torch::Tensor(parameter.value()).set_requires_grad(false);
    }
  }
  expect_agreement(*model, 5, torch::kFloat, 1e-4);
  expect_agreement(*model, 5, torch::kDouble, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Groups, SharedLayersTest, testing::Values(1, 2, 6));

}  // namespace
}  // namespace cape::trainer
