#include "models/layers.h"

#include <optional>

namespace cape::models {

bool is_for_kernels(const torch::Tensor& x) {
  return x.is_cpu() && x.scalar_type() == torch::kFloat;
}

Linear::Linear(std::int64_t inputs, std::int64_t outputs, bool has_bias)
    : weight(register_parameter("weight", torch::empty({outputs, inputs}))) {
  if (has_bias) bias = register_parameter("bias", torch::empty({outputs}));
}

torch::Tensor Linear::forward(const torch::Tensor& input) const {
  return record(input, torch::linear(input, weight, bias));
}

Conv2d::Conv2d(std::int64_t channels, std::int64_t outputs,
               const Options& options)
    : weight(register_parameter(
          "weight", torch::empty({outputs, channels / options.groups,
                                  options.kernel, options.kernel},
                                 at::MemoryFormat::ChannelsLast))),
      options(options) {
  if (options.bias) {
    bias = register_parameter("bias", torch::empty({outputs}));
  }
}

torch::Tensor Conv2d::forward(const torch::Tensor& input) const {
  // On CPUs that have AVX2 alone, oneDNN (in LibTorch 2.11) writes beyond its
  // buffers in the backward pass of a 1 x 1 convolution of fewer than 8
  // channels.
  constexpr std::int64_t kFewestChannels = 8;
  if (options.kernel == 1 && options.groups == 1 && options.padding == 0 &&
      weight.size(1) < kFewestChannels) {
    const torch::Tensor pixels = input.slice(2, 0, std::nullopt, options.stride)
                                     .slice(3, 0, std::nullopt, options.stride)
                                     .permute({0, 2, 3, 1});
    return record(
        input,
        torch::linear(pixels, weight.flatten(1), bias).permute({0, 3, 1, 2}));
  }
  if (options.kernel == 1 && options.groups > 1 && options.padding == 0) {
    return record(input, convolve_pixels_by_group(input));
  }
  return record(
      input, torch::conv2d(input, weight, bias, options.stride, options.padding,
                           /*dilation=*/1, options.groups));
}

/// A 1 x 1 convolution in groups as products, for the same reason: groups have
/// few channels.
torch::Tensor Conv2d::convolve_pixels_by_group(
    const torch::Tensor& input) const {
  const torch::Tensor pixels = input.slice(2, 0, std::nullopt, options.stride)
                                   .slice(3, 0, std::nullopt, options.stride);
  // samples x groups x channels of a group x positions
  const torch::Tensor grouped =
      pixels.reshape({input.size(0), options.groups, weight.size(1), -1});
  torch::Tensor output =
      torch::matmul(weight.view({1, options.groups, -1, weight.size(1)}),
                    grouped)
          .reshape({input.size(0), -1, pixels.size(2), pixels.size(3)});
  if (bias.defined()) output = output + bias.view({1, -1, 1, 1});
  return output.contiguous(at::MemoryFormat::ChannelsLast);
}

Conv1d::Conv1d(std::int64_t features, std::int64_t outputs,
               const Conv2d::Options& options)
    : weight(register_parameter(
          "weight",
          torch::empty({outputs, features / options.groups, options.kernel}))),
      options(options) {
  if (options.bias) {
    bias = register_parameter("bias", torch::empty({outputs}));
  }
}

torch::Tensor Conv1d::windows(const torch::Tensor& input) const {
  const std::int64_t padding = options.padding;
  const torch::Tensor padded =
      padding == 0 ? input
                   : torch::constant_pad_nd(input, {0, 0, padding, padding});
  return padded.unfold(1, options.kernel, options.stride);
}

torch::Tensor Conv1d::forward(const torch::Tensor& input) const {
  const torch::Tensor all = windows(input);
  if (options.groups == 1) {
    return record(input,
                  torch::linear(all.flatten(2), weight.flatten(1), bias));
  }
  // samples x T' x groups x 1 x window, times groups x window x outputs of a
  // group
  const std::int64_t groups = options.groups;
  const torch::Tensor grouped =
      all.reshape({all.size(0), all.size(1), groups, 1, -1});
  torch::Tensor output =
      torch::matmul(
          grouped,
          weight.view({groups, weight.size(0) / groups, -1}).transpose(1, 2))
          .reshape({all.size(0), all.size(1), -1});
  if (bias.defined()) output = output + bias;
  return record(input, output);
}

BatchNorm::BatchNorm(std::int64_t features)
    : weight(register_parameter("weight", torch::ones({features}))),
      bias(register_parameter("bias", torch::zeros({features}))),
      running_mean(register_buffer("running_mean", torch::zeros({features}))),
      running_var(register_buffer("running_var", torch::ones({features}))) {}

torch::Tensor BatchNorm::forward(const torch::Tensor& input) const {
  if (is_training()) {
    constexpr bool kCudnn = false;
    return record(input, torch::batch_norm(input, weight, bias, running_mean,
                                           running_var, /*training=*/true,
                                           kMomentum, kEpsilon, kCudnn));
  }
  // Written out, since batch_norm of LibTorch 2.11 gives wrong gradients of
  // weight and bias for a single sample whose output gradient arrives permuted.
  std::vector<std::int64_t> shape(static_cast<std::size_t>(input.dim()), 1);
  shape[1] = -1;
  const torch::Tensor scale = weight * (running_var + kEpsilon).rsqrt();
  const torch::Tensor shift = bias - running_mean * scale;
  return record(input,
                torch::addcmul(shift.view(shape), input, scale.view(shape)));
}

LayerNorm::LayerNorm(std::int64_t features)
    : weight(register_parameter("weight", torch::ones({features}))),
      bias(register_parameter("bias", torch::zeros({features}))) {}

torch::Tensor LayerNorm::forward(const torch::Tensor& input) const {
  return record(
      input, torch::layer_norm(input, weight.sizes(), weight, bias, kEpsilon));
}

torch::Tensor Dropout::forward(const torch::Tensor& input) const {
  return torch::dropout(input, rate_, is_training());
}

GroupNorm::GroupNorm(std::int64_t groups, std::int64_t features)
    : weight(register_parameter("weight", torch::ones({features}))),
      bias(register_parameter("bias", torch::zeros({features}))),
      groups(groups) {}

torch::Tensor GroupNorm::forward(const torch::Tensor& input) const {
  return record(input,
                torch::group_norm(input, groups, weight, bias, kEpsilon));
}

TokenEmbedding::TokenEmbedding(std::int64_t vocabulary, std::int64_t features)
    : weight(
          register_parameter("weight", torch::randn({vocabulary, features}))) {}

torch::Tensor TokenEmbedding::forward(const torch::Tensor& tokens) const {
  return record(tokens, torch::embedding(weight, tokens));
}

LearnedTensor::LearnedTensor(at::IntArrayRef shape)
    : value(register_parameter("value", torch::empty(shape))) {}

torch::Tensor LearnedTensor::forward(std::int64_t samples) const {
  std::vector<std::int64_t> shape = value.sizes().vec();
  shape.insert(shape.begin(), samples);
  return record({}, value.expand(shape));
}

SelfAttention::SelfAttention(std::int64_t width, std::int64_t heads)
    : queries(
          register_module("queries", std::make_shared<Linear>(width, width))),
      keys(register_module("keys", std::make_shared<Linear>(width, width))),
      values(register_module("values", std::make_shared<Linear>(width, width))),
      output_projection(register_module(
          "output_projection", std::make_shared<Linear>(width, width))),
      heads(heads) {}

torch::Tensor SelfAttention::forward(const torch::Tensor& input) const {
  // samples x heads x tokens x width / heads
  const auto heads_of = [&](const Linear& projection) {
    return projection.forward(input)
        .view({input.size(0), input.size(1), heads, -1})
        .transpose(1, 2);
  };
  const torch::Tensor attended = torch::scaled_dot_product_attention(
      heads_of(*queries), heads_of(*keys), heads_of(*values));
  return output_projection->forward(attended.transpose(1, 2).flatten(2));
}

}  // namespace cape::models
