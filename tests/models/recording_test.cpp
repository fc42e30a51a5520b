#include "models/recording.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "core/error.h"
#include "models/build.h"
#include "models/layers.h"

namespace cape::models {
namespace {

using Tensors = std::vector<torch::Tensor>;

constexpr std::int64_t kSamples = 4;
constexpr std::int64_t kClasses = 5;
const std::vector<std::int64_t> kImage = {1, 6, 6};

torch::Tensor flat(const torch::Tensor& tensor) {
  return tensor.reshape({-1, tensor.size(-1)});
}

/// The gradients of weight and bias where the output is x^ weight + bias.
Tensors affine_gradients(const torch::Tensor& standardised,
                         const torch::Tensor& g) {
  return {flat(g * standardised).sum(0), flat(g).sum(0)};
}

Tensors gradients(const Linear&, const torch::Tensor& a,
                  const torch::Tensor& g) {
  return {flat(g).t().mm(flat(a)), flat(g).sum(0)};
}

Tensors gradients(const Conv2d& layer, const torch::Tensor& a,
                  const torch::Tensor& g) {
  const auto kernel = layer.weight.sizes().slice(2);
  const std::int64_t stride = layer.stride;
  const torch::Tensor windows =
      torch::im2col(a, kernel, {1, 1}, {0, 0}, {stride, stride});
  const torch::Tensor weight =
      torch::einsum("sop,sip->oi", {g.flatten(2), windows});
  return {weight.view_as(layer.weight), g.sum({0, 2, 3})};
}

Tensors gradients(const BatchNorm1d& layer, const torch::Tensor& a,
                  const torch::Tensor& g) {
  const torch::Tensor deviation =
      (layer.running_var + BatchNorm1d::kEpsilon).sqrt();
  return affine_gradients((a - layer.running_mean) / deviation, g);
}

Tensors gradients(const LayerNorm& layer, const torch::Tensor& a,
                  const torch::Tensor& g) {
  const torch::Tensor standardised =
      torch::layer_norm(a, layer.weight.sizes(), {}, {}, LayerNorm::kEpsilon);
  return affine_gradients(standardised, g);
}

Tensors gradients(const LearnedTensor&, const torch::Tensor&,
                  const torch::Tensor& g) {
  return {g.sum(0)};
}

/// By the rules that models/layers.h states, in the order of the parameters.
Tensors gradients(const Recording& recording, const torch::Tensor& g) {
  const Layer* layer = recording.layer;
  const torch::Tensor& a = recording.input;
  if (auto* l = dynamic_cast<const Linear*>(layer)) return gradients(*l, a, g);
  if (auto* l = dynamic_cast<const Conv2d*>(layer)) return gradients(*l, a, g);
  if (auto* l = dynamic_cast<const BatchNorm1d*>(layer))
    return gradients(*l, a, g);
  if (auto* l = dynamic_cast<const LayerNorm*>(layer))
    return gradients(*l, a, g);
  if (auto* l = dynamic_cast<const LearnedTensor*>(layer))
    return gradients(*l, a, g);
  ADD_FAILURE() << "a layer without a rule: " << layer->name();
  return {};
}

/// Of one sample: a part of the batch's recording.
Recording sample_of(const Recording& recording, std::int64_t i) {
  const auto part = [i](const torch::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, i, 1).detach() : tensor;
  };
  return {recording.layer, part(recording.input), part(recording.output)};
}

std::shared_ptr<Model> build_in_double(const zoo::Architecture& architecture) {
  torch::manual_seed(1);
  auto model = build(architecture, kImage, kClasses);
  // Statistics and affine parameters that are not the identity.
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& tensor : model->parameters()) tensor.add_(0.05);
  for (torch::Tensor& tensor : model->buffers()) tensor.uniform_(0.5, 1.5);
  model->to(torch::kDouble);
  model->eval();
  return model;
}

torch::Tensor inputs_for(const zoo::Architecture& architecture) {
  std::vector<std::int64_t> shape = zoo::input_shape(architecture, kImage);
  shape.insert(shape.begin(), kSamples);
  return torch::randn(shape, torch::kDouble);
}

class RecordingTest : public testing::TestWithParam<zoo::Architecture> {};

TEST_P(RecordingTest, GivesEverySamplesGradientOfEveryParameter) {
  const auto model = build_in_double(GetParam());
  const torch::Tensor inputs = inputs_for(GetParam());
  const torch::Tensor labels = torch::arange(kSamples) % kClasses;

  std::vector<Recording> recorded;
  torch::Tensor loss;
  {
    const ProbeRecording recording(*model);
    loss = torch::cross_entropy_loss(model->forward(inputs), labels, {},
                                     at::Reduction::Sum);
    recorded = recording.recordings();
  }
  Tensors outputs;
  for (const Recording& r : recorded) outputs.push_back(r.output);
  const Tensors output_gradients = torch::autograd::grad({loss}, outputs);

  for (std::int64_t i = 0; i < kSamples; ++i) {
    model->zero_grad();
    torch::cross_entropy_loss(model->forward(inputs.narrow(0, i, 1)),
                              labels.narrow(0, i, 1))
        .backward();
    std::size_t covered = 0;
    for (std::size_t k = 0; k < recorded.size(); ++k) {
      const Tensors expected = recorded[k].layer->parameters();
      const Tensors found = gradients(sample_of(recorded[k], i),
                                      output_gradients[k].narrow(0, i, 1));
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t p = 0; p < found.size(); ++p) {
        EXPECT_TRUE(torch::allclose(found[p], expected[p].grad(), 1e-9, 1e-12))
            << recorded[k].layer->name() << ", recording " << k
            << ", parameter " << p << ", sample " << i;
      }
      covered += found.size();
    }
    EXPECT_EQ(covered, model->parameters().size());
  }
}

TEST_P(RecordingTest, IsOffUnlessAProbeIsOn) {
  const auto model = build_in_double(GetParam());
  const torch::Tensor inputs = inputs_for(GetParam());
  model->forward(inputs);
  std::size_t uses = 0;
  {
    const ProbeRecording recording(*model);
    EXPECT_TRUE(recording.recordings().empty());
    model->forward(inputs);
    uses = recording.recordings().size();
    EXPECT_GT(uses, 0U);
    EXPECT_THROW(ProbeRecording second(*model), Error);
  }
  model->forward(inputs);
  const ProbeRecording again(*model);
  model->forward(inputs);
  EXPECT_EQ(again.recordings().size(), uses);
}

const zoo::Vit kSmallVit = {.patch = 16, .width = 12, .depth = 2, .heads = 3};

INSTANTIATE_TEST_SUITE_P(
    Networks, RecordingTest,
    testing::Values(zoo::Mlp{.layers = 2, .width = 7},
                    zoo::Mlp{.layers = 3,
                             .width = 6,
                             .batch_norm = false,
                             .activation = zoo::Activation::relu},
                    kSmallVit));

}  // namespace
}  // namespace cape::models
