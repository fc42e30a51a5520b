#include "models/families.h"
#include "models/initialize.h"
#include "models/layers.h"

namespace cape::models {
namespace {

/// x + attention(norm(x)), then x + mlp(norm(x)).
class Block : public torch::nn::Module {
 public:
  Block(std::int64_t width, std::int64_t heads, std::int64_t hidden)
      : attention_norm_(register_module("attention_norm",
                                        std::make_shared<LayerNorm>(width))),
        attention_(register_module(
            "attention", std::make_shared<SelfAttention>(width, heads))),
        mlp_norm_(
            register_module("mlp_norm", std::make_shared<LayerNorm>(width))),
        expand_(
            register_module("expand", std::make_shared<Linear>(width, hidden))),
        contract_(register_module("contract",
                                  std::make_shared<Linear>(hidden, width))) {
    attention_default(*attention_);
    xavier_normal(*expand_);
    xavier_normal(*contract_);
  }

  torch::Tensor forward(const torch::Tensor& input) const {
    const torch::Tensor x =
        input + attention_->forward(attention_norm_->forward(input));
    const torch::Tensor hidden =
        torch::gelu(expand_->forward(mlp_norm_->forward(x)));
    return x + contract_->forward(hidden);
  }

 private:
  std::shared_ptr<LayerNorm> attention_norm_;
  std::shared_ptr<SelfAttention> attention_;
  std::shared_ptr<LayerNorm> mlp_norm_;
  std::shared_ptr<Linear> expand_;
  std::shared_ptr<Linear> contract_;
};

class VitModel : public Model {
 public:
  VitModel(const zoo::Vit& vit, const Shape& input, std::int64_t outputs) {
    const std::int64_t patches =
        (input.at(1) / vit.patch) * (input.at(2) / vit.patch);
    patches_ = register_module(
        "patches",
        std::make_shared<Conv2d>(input.at(0), vit.width, vit.patch, vit.patch));
    class_token_ = register_module(
        "class_token", std::make_shared<LearnedTensor>(Shape{1, vit.width}));
    positions_ = register_module(
        "positions",
        std::make_shared<LearnedTensor>(Shape{patches + 1, vit.width}));
    kaiming_normal(*patches_);
    small_normal(*class_token_);
    small_normal(*positions_);
    for (std::int64_t i = 0; i < vit.depth; ++i) {
      blocks_.push_back(
          register_module("block" + std::to_string(i),
                          std::make_shared<Block>(vit.width, vit.heads,
                                                  vit.mlp_ratio * vit.width)));
    }
    norm_ = register_module("norm", std::make_shared<LayerNorm>(vit.width));
    head_ =
        register_module("head", std::make_shared<Linear>(vit.width, outputs));
    xavier_normal(*head_);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    const std::int64_t samples = inputs.size(0);
    const torch::Tensor patches =
        patches_->forward(inputs).flatten(2).transpose(1, 2);
    torch::Tensor x = torch::cat({class_token_->forward(samples), patches}, 1) +
                      positions_->forward(samples);
    for (const auto& block : blocks_) x = block->forward(x);
    return head_->forward(norm_->forward(x.select(1, 0)));
  }

 private:
  std::shared_ptr<Conv2d> patches_;
  std::shared_ptr<LearnedTensor> class_token_;
  std::shared_ptr<LearnedTensor> positions_;
  std::vector<std::shared_ptr<Block>> blocks_;
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<Linear> head_;
};

}  // namespace

std::shared_ptr<Model> make_model(const zoo::Vit& vit, const Shape& input,
                                  std::int64_t outputs) {
  return std::make_shared<VitModel>(vit, input, outputs);
}

}  // namespace cape::models
