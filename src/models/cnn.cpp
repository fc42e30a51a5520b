#include <vector>

#include "models/families.h"
#include "models/initialize.h"
#include "models/layers.h"
#include "models/norm_activation.h"

namespace cape::models {
namespace {

/// A convolution without bias that keeps the size (or divides it by the
/// stride), BatchNorm, and an activation.
class ConvNorm : public torch::nn::Module {
 public:
  ConvNorm(std::int64_t channels, std::int64_t outputs, std::int64_t kernel,
           std::int64_t stride, Activation activation, std::int64_t groups = 1)
      : convolution_(register_module(
            "convolution",
            std::make_shared<Conv2d>(channels, outputs,
                                     Conv2d::Options{.kernel = kernel,
                                                     .stride = stride,
                                                     .padding = kernel / 2,
                                                     .groups = groups,
                                                     .bias = false}))),
        norm_(register_module("norm", std::make_shared<BatchNorm>(outputs))),
        activation_(activation) {
    torch_default(*convolution_);
  }

  /// `residual` is added before the activation, unless it is undefined.
  torch::Tensor forward(const torch::Tensor& input,
                        const torch::Tensor& residual = {}) const {
    return norm_activate(*norm_, convolution_->forward(input), activation_,
                         residual);
  }

 private:
  std::shared_ptr<Conv2d> convolution_;
  std::shared_ptr<BatchNorm> norm_;
  const Activation activation_;
};

/// A part of the body: NCHW -> NCHW.
class Stage : public torch::nn::Module {
 public:
  virtual torch::Tensor forward(const torch::Tensor& input) const = 0;
};

class PlainStage : public Stage {
 public:
  PlainStage(std::int64_t channels, std::int64_t outputs, std::int64_t stride,
             Activation activation = Activation::relu)
      : body_(register_module(
            "body", std::make_shared<ConvNorm>(channels, outputs, 3, stride,
                                               activation))) {}

  torch::Tensor forward(const torch::Tensor& input) const override {
    return body_->forward(input);
  }

 private:
  std::shared_ptr<ConvNorm> body_;
};

class MaxPool : public Stage {
 public:
  torch::Tensor forward(const torch::Tensor& input) const override {
    return torch::max_pool2d(input, 2);
  }
};

class BasicBlock : public Stage {
 public:
  BasicBlock(std::int64_t channels, std::int64_t outputs, std::int64_t stride)
      : first_(register_module(
            "first", std::make_shared<ConvNorm>(channels, outputs, 3, stride,
                                                Activation::relu))),
        second_(register_module(
            "second", std::make_shared<ConvNorm>(outputs, outputs, 3, 1,
                                                 Activation::relu))) {
    if (stride == 1 && channels == outputs) return;
    shortcut_ = register_module(
        "shortcut", std::make_shared<ConvNorm>(channels, outputs, 1, stride,
                                               Activation::none));
  }

  torch::Tensor forward(const torch::Tensor& input) const override {
    return second_->forward(first_->forward(input),
                            shortcut_ ? shortcut_->forward(input) : input);
  }

 private:
  std::shared_ptr<ConvNorm> first_, second_, shortcut_;
};

class InvertedResidual : public Stage {
 public:
  InvertedResidual(std::int64_t channels, std::int64_t outputs,
                   std::int64_t stride, std::int64_t expansion)
      : residual_(stride == 1 && channels == outputs) {
    const std::int64_t inner = channels * expansion;
    if (expansion != 1) {
      expand_ = register_module(
          "expand",
          std::make_shared<ConvNorm>(channels, inner, 1, 1, Activation::relu6));
    }
    depthwise_ = register_module(
        "depthwise", std::make_shared<ConvNorm>(inner, inner, 3, stride,
                                                Activation::relu6, inner));
    project_ = register_module(
        "project",
        std::make_shared<ConvNorm>(inner, outputs, 1, 1, Activation::none));
  }

  torch::Tensor forward(const torch::Tensor& input) const override {
    const torch::Tensor x = expand_ ? expand_->forward(input) : input;
    return project_->forward(depthwise_->forward(x),
                             residual_ ? input : torch::Tensor());
  }

 private:
  const bool residual_;
  std::shared_ptr<ConvNorm> expand_, depthwise_, project_;
};

/// Stages, global average pool, dropout, linear head.
class CnnModel : public ImageModel {
 public:
  explicit CnnModel(double dropout)
      : dropout_(
            register_module("dropout", std::make_shared<Dropout>(dropout))) {}

  void add(std::shared_ptr<Stage> stage) {
    stages_.push_back(register_module("stage" + std::to_string(stages_.size()),
                                      std::move(stage)));
  }

  void add_head(std::int64_t channels, std::int64_t outputs) {
    head_ =
        register_module("head", std::make_shared<Linear>(channels, outputs));
    torch_default(*head_);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    torch::Tensor x = inputs.contiguous(at::MemoryFormat::ChannelsLast);
    for (const auto& stage : stages_) x = stage->forward(x);
    return head_->forward(dropout_->forward(x.mean({2, 3})));
  }

 private:
  std::shared_ptr<Dropout> dropout_;
  std::vector<std::shared_ptr<Stage>> stages_;
  std::shared_ptr<Linear> head_;
};

}  // namespace

std::shared_ptr<Model> make_model(const zoo::VggLite& vgg, const Shape& input,
                                  const zoo::Head& head) {
  auto model = std::make_shared<CnnModel>(vgg.dropout);
  std::int64_t channels = input.at(0);
  for (std::size_t stage = 0; stage < zoo::kStageStrides.size(); ++stage) {
    for (std::int64_t i = 0; i < vgg.convolutions[stage]; ++i) {
      model->add(std::make_shared<PlainStage>(
          channels, vgg.base << stage, i == 0 ? zoo::kStageStrides[stage] : 1));
      channels = vgg.base << stage;
    }
    if (vgg.pool && stage < 2) model->add(std::make_shared<MaxPool>());
  }
  model->add_head(channels, head.outputs);
  return model;
}

std::shared_ptr<Model> make_model(const zoo::ResnetMini& resnet,
                                  const Shape& input, const zoo::Head& head) {
  auto model = std::make_shared<CnnModel>(resnet.dropout);
  model->add(std::make_shared<PlainStage>(input.at(0), resnet.base, 1));
  std::int64_t channels = resnet.base;
  for (std::size_t stage = 0; stage < zoo::kStageStrides.size(); ++stage) {
    for (std::int64_t i = 0; i < resnet.blocks; ++i) {
      model->add(
          std::make_shared<BasicBlock>(channels, resnet.base << stage,
                                       i == 0 ? zoo::kStageStrides[stage] : 1));
      channels = resnet.base << stage;
    }
  }
  model->add_head(channels, head.outputs);
  return model;
}

std::shared_ptr<Model> make_model(const zoo::MobilenetMini& network,
                                  const Shape& input, const zoo::Head& head) {
  auto model = std::make_shared<CnnModel>(network.dropout);
  std::int64_t channels = scaled_channels(network, network.stem);
  model->add(std::make_shared<PlainStage>(input.at(0), channels, 1,
                                          Activation::relu6));
  for (const zoo::InvertedResidualRow& row : rows_of(network)) {
    const std::int64_t width = scaled_channels(network, row.channels);
    for (std::int64_t i = 0; i < row.blocks; ++i) {
      model->add(std::make_shared<InvertedResidual>(
          channels, width, i == 0 ? row.stride : 1, row.expansion));
      channels = width;
    }
  }
  model->add_head(channels, head.outputs);
  return model;
}

}  // namespace cape::models
