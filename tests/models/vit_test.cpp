// The ViT against the same network made of torch::nn's own modules.

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "models/build.h"

namespace cape::models {
namespace {

namespace F = torch::nn::functional;
using Parameters = torch::OrderedDict<std::string, torch::Tensor>;

const zoo::Vit kVit = {.patch = 8, .width = 24, .depth = 2, .heads = 3};

torch::Tensor linear(const Parameters& p, const std::string& name,
                     const torch::Tensor& x) {
  return F::linear(x, p[name + ".weight"], p[name + ".bias"]);
}

torch::Tensor norm(const Parameters& p, const std::string& name,
                   const torch::Tensor& x) {
  return F::layer_norm(x, F::LayerNormFuncOptions({kVit.width})
                              .weight(p[name + ".weight"])
                              .bias(p[name + ".bias"]));
}

torch::Tensor attention(const Parameters& p, const std::string& name,
                        const torch::Tensor& x) {
  torch::nn::MultiheadAttention module(
      torch::nn::MultiheadAttentionOptions(kVit.width, kVit.heads));
  const torch::NoGradGuard no_grad;
  module->in_proj_weight.copy_(p[name + ".input_projection.weight"]);
  module->in_proj_bias.copy_(p[name + ".input_projection.bias"]);
  module->out_proj->weight.copy_(p[name + ".output_projection.weight"]);
  module->out_proj->bias.copy_(p[name + ".output_projection.bias"]);
  const torch::Tensor tokens_first = x.transpose(0, 1);
  return std::get<0>(module(tokens_first, tokens_first, tokens_first))
      .transpose(0, 1);
}

torch::Tensor plain_vit(const Parameters& p, const torch::Tensor& images) {
  torch::Tensor x = F::conv2d(
      images, p["patches.weight"],
      F::Conv2dFuncOptions().bias(p["patches.bias"]).stride(kVit.patch));
  x = x.flatten(2).transpose(1, 2);
  const auto token = p["class_token.value"].expand({x.size(0), 1, kVit.width});
  x = torch::cat({token, x}, 1) + p["positions.value"];
  for (std::int64_t i = 0; i < kVit.depth; ++i) {
    const std::string block = "block" + std::to_string(i);
    x = x + attention(p, block + ".attention",
                      norm(p, block + ".attention_norm", x));
    const auto hidden =
        F::gelu(linear(p, block + ".expand", norm(p, block + ".mlp_norm", x)));
    x = x + linear(p, block + ".contract", hidden);
  }
  return linear(p, "head", norm(p, "norm", x).select(1, 0));
}

TEST(VitTest, ComputesWhatPlainModulesCompute) {
  torch::manual_seed(3);
  const auto model = build(kVit, {1, 28, 28}, 10);
  const torch::NoGradGuard no_grad;
  for (torch::Tensor& parameter : model->parameters()) {
    parameter.add_(torch::randn_like(parameter), 0.1);
  }
  const torch::Tensor images = torch::randn({5, 3, 32, 32});
  const torch::Tensor expected = plain_vit(model->named_parameters(), images);
  EXPECT_TRUE(torch::allclose(model->forward(images), expected, 1e-4, 1e-5));
}

}  // namespace
}  // namespace cape::models
