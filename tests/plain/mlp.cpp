#include "plain/families.h"

namespace cape::plain {
namespace {

class Mlp : public PlainModel {
 public:
  Mlp(const zoo::Mlp& mlp, std::int64_t inputs, std::int64_t outputs) {
    for (std::int64_t i = 0; i < mlp.layers; ++i) {
      body_->push_back(
          torch::nn::Linear(i == 0 ? inputs : mlp.width, mlp.width));
      if (mlp.batch_norm) body_->push_back(torch::nn::BatchNorm1d(mlp.width));
      if (mlp.activation == zoo::Activation::gelu) {
        body_->push_back(torch::nn::GELU());
      } else {
        body_->push_back(torch::nn::ReLU());
      }
      body_->push_back(torch::nn::Dropout(mlp.dropout));
    }
    body_->push_back(torch::nn::Linear(mlp.width, outputs));
    register_module("body", body_);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    return body_->forward(inputs.flatten(1));
  }

 private:
  torch::nn::Sequential body_;
};

}  // namespace

ModelPointer make(const zoo::Mlp& mlp, const Shape& input,
                  std::int64_t outputs) {
  return std::make_shared<Mlp>(mlp, input.at(0) * input.at(1) * input.at(2),
                               outputs);
}

}  // namespace cape::plain
