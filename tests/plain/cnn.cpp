#include "plain/families.h"

namespace cape::plain {
namespace {

using torch::nn::Sequential;

torch::nn::Conv2d convolution(std::int64_t channels, std::int64_t outputs,
                              std::int64_t kernel, std::int64_t stride,
                              std::int64_t groups = 1) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, outputs, kernel)
                               .stride(stride)
                               .padding(kernel / 2)
                               .groups(groups)
                               .bias(false));
}

torch::nn::ReLU relu() {
  return torch::nn::ReLU(torch::nn::ReLUOptions().inplace(true));
}

torch::nn::ReLU6 relu6() {
  return torch::nn::ReLU6(torch::nn::ReLU6Options().inplace(true));
}

class BasicBlock : public torch::nn::Module {
 public:
  BasicBlock(std::int64_t channels, std::int64_t outputs, std::int64_t stride)
      : body_(register_module(
            "body", Sequential(convolution(channels, outputs, 3, stride),
                               torch::nn::BatchNorm2d(outputs), relu(),
                               convolution(outputs, outputs, 3, 1),
                               torch::nn::BatchNorm2d(outputs)))) {
    if (stride == 1 && channels == outputs) return;
    shortcut_->push_back(convolution(channels, outputs, 1, stride));
    shortcut_->push_back(torch::nn::BatchNorm2d(outputs));
    register_module("shortcut", shortcut_);
  }

  torch::Tensor forward(const torch::Tensor& input) {
    const torch::Tensor x = body_->forward(input);
    return torch::relu(
        x + (shortcut_->is_empty() ? input : shortcut_->forward(input)));
  }

 private:
  Sequential body_, shortcut_;
};

class InvertedResidual : public torch::nn::Module {
 public:
  InvertedResidual(std::int64_t channels, std::int64_t outputs,
                   std::int64_t stride, std::int64_t expansion)
      : residual_(stride == 1 && channels == outputs) {
    const std::int64_t inner = channels * expansion;
    if (expansion != 1) {
      body_->push_back(convolution(channels, inner, 1, 1));
      body_->push_back(torch::nn::BatchNorm2d(inner));
      body_->push_back(relu6());
    }
    body_->push_back(convolution(inner, inner, 3, stride, inner));
    body_->push_back(torch::nn::BatchNorm2d(inner));
    body_->push_back(relu6());
    body_->push_back(convolution(inner, outputs, 1, 1));
    body_->push_back(torch::nn::BatchNorm2d(outputs));
    register_module("body", body_);
  }

  torch::Tensor forward(const torch::Tensor& input) {
    const torch::Tensor x = body_->forward(input);
    return residual_ ? input + x : x;
  }

 private:
  const bool residual_;
  Sequential body_;
};

/// `body`, global average pool, dropout, linear head.
class Cnn : public PlainModel {
 public:
  Cnn(Sequential body, std::int64_t channels, double dropout,
      std::int64_t outputs)
      : body_(register_module("body", std::move(body))),
        head_(register_module(
            "head",
            Sequential(torch::nn::AdaptiveAvgPool2d(1), torch::nn::Flatten(),
                       torch::nn::Dropout(dropout),
                       torch::nn::Linear(channels, outputs)))) {}

  torch::Tensor forward(const torch::Tensor& inputs) override {
    return head_->forward(body_->forward(inputs));
  }

 private:
  Sequential body_, head_;
};

}  // namespace

ModelPointer make(const zoo::VggLite& vgg, const Shape& input,
                  std::int64_t outputs) {
  Sequential body;
  std::int64_t channels = input.at(0);
  for (std::size_t stage = 0; stage < 3; ++stage) {
    const std::int64_t width = vgg.base << stage;
    for (std::int64_t i = 0; i < vgg.convolutions.at(stage); ++i) {
      body->push_back(
          convolution(channels, width, 3, stage > 0 && i == 0 ? 2 : 1));
      body->push_back(torch::nn::BatchNorm2d(width));
      body->push_back(relu());
      channels = width;
    }
    if (vgg.pool && stage < 2) body->push_back(torch::nn::MaxPool2d(2));
  }
  return std::make_shared<Cnn>(body, channels, vgg.dropout, outputs);
}

ModelPointer make(const zoo::ResnetMini& resnet, const Shape& input,
                  std::int64_t outputs) {
  Sequential body(convolution(input.at(0), resnet.base, 3, 1),
                  torch::nn::BatchNorm2d(resnet.base), relu());
  std::int64_t channels = resnet.base;
  for (int stage = 0; stage < 3; ++stage) {
    const std::int64_t width = resnet.base << stage;
    for (std::int64_t i = 0; i < resnet.blocks; ++i) {
      body->push_back(std::make_shared<BasicBlock>(
          channels, width, stage > 0 && i == 0 ? 2 : 1));
      channels = width;
    }
  }
  return std::make_shared<Cnn>(body, channels, resnet.dropout, outputs);
}

ModelPointer make(const zoo::MobilenetMini& network, const Shape& input,
                  std::int64_t outputs) {
  const auto scaled = [&](std::int64_t channels) {
    return std::max<std::int64_t>(
        8, static_cast<std::int64_t>(static_cast<double>(channels) *
                                     network.width));
  };
  // Expansion, channels, blocks, stride.
  const std::vector<std::array<std::int64_t, 4>> rows = {
      {1, 16, 1, 1},
      {6, 24, 2, 2},
      {6, 32, network.blocks, 2},
      {6, 64, network.blocks, 2}};
  std::int64_t channels = scaled(network.stem);
  Sequential body(convolution(input.at(0), channels, 3, 1),
                  torch::nn::BatchNorm2d(channels), relu6());
  for (const auto& [expansion, unscaled, blocks, stride] : rows) {
    const std::int64_t width = scaled(unscaled);
    for (std::int64_t i = 0; i < blocks; ++i) {
      body->push_back(std::make_shared<InvertedResidual>(
          channels, width, i == 0 ? stride : 1, expansion));
      channels = width;
    }
  }
  return std::make_shared<Cnn>(body, channels, network.dropout, outputs);
}

}  // namespace cape::plain
