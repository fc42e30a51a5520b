#include <functional>
#include <numeric>

#include "models/families.h"
#include "models/initialize.h"
#include "models/layers.h"
#include "models/norm_activation.h"

namespace cape::models {
namespace {

/// Linear, BatchNorm, activation, dropout.
class HiddenLayer : public torch::nn::Module {
 public:
  HiddenLayer(const zoo::Mlp& mlp, std::int64_t inputs)
      : linear_(register_module("linear",
                                std::make_shared<Linear>(inputs, mlp.width))),
        activation_(mlp.activation == zoo::Activation::gelu ? Activation::gelu
                                                            : Activation::relu),
        dropout_(register_module("dropout",
                                 std::make_shared<Dropout>(mlp.dropout))) {
    if (mlp.batch_norm) {
      norm_ = register_module("norm", std::make_shared<BatchNorm>(mlp.width));
    }
  }

  Linear& linear() { return *linear_; }

  torch::Tensor forward(const torch::Tensor& input) const {
    const torch::Tensor x = linear_->forward(input);
    if (norm_) {
      return norm_activate(*norm_, x, activation_, {}, dropout_->rate());
    }
    return dropout_->forward(activate(activation_, x));
  }

 private:
  std::shared_ptr<Linear> linear_;
  std::shared_ptr<BatchNorm> norm_;
  const Activation activation_;
  std::shared_ptr<Dropout> dropout_;
};

class MlpModel : public Model {
 public:
  MlpModel(const zoo::Mlp& mlp, std::int64_t inputs, std::int64_t outputs) {
    for (std::int64_t i = 0; i < mlp.layers; ++i) {
      hidden_.push_back(register_module(
          "hidden" + std::to_string(i),
          std::make_shared<HiddenLayer>(mlp, i == 0 ? inputs : mlp.width)));
      initialize(hidden_.back()->linear(), mlp.activation);
    }
    head_ =
        register_module("head", std::make_shared<Linear>(mlp.width, outputs));
    initialize(*head_, mlp.activation);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    torch::Tensor x = inputs.flatten(1);
    for (const auto& layer : hidden_) x = layer->forward(x);
    return head_->forward(x);
  }

 private:
  static void initialize(Linear& linear, zoo::Activation activation) {
    if (activation == zoo::Activation::gelu) {
      xavier_normal(linear);
    } else {
      kaiming_normal(linear);
    }
  }

  std::vector<std::shared_ptr<HiddenLayer>> hidden_;
  std::shared_ptr<Linear> head_;
};

}  // namespace

std::shared_ptr<Model> make_model(const zoo::Mlp& mlp, const Shape& input,
                                  const zoo::Head& head) {
  const std::int64_t inputs = std::accumulate(
      input.begin(), input.end(), std::int64_t{1}, std::multiplies<>());
  return std::make_shared<MlpModel>(mlp, inputs, head.outputs);
}

}  // namespace cape::models
