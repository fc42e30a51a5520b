#include "models/families.h"
#include "models/initialize.h"
#include "models/layers.h"
#include "models/norm_activation.h"
#include "models/residual_branch.h"

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
    return mlp_branch(*mlp_norm_, *expand_, *contract_,
                      attention_branch(*attention_norm_, *attention_, input));
  }

 private:
  std::shared_ptr<LayerNorm> attention_norm_;
  std::shared_ptr<SelfAttention> attention_;
  std::shared_ptr<LayerNorm> mlp_norm_;
  std::shared_ptr<Linear> expand_;
  std::shared_ptr<Linear> contract_;
};

/// `depth` blocks one after the other.
class Blocks : public torch::nn::Module {
 public:
  Blocks(std::int64_t depth, std::int64_t width, std::int64_t heads,
         std::int64_t mlp_ratio) {
    for (std::int64_t i = 0; i < depth; ++i) {
      blocks_.push_back(register_module(
          "block" + std::to_string(i),
          std::make_shared<Block>(width, heads, mlp_ratio * width)));
    }
  }

  torch::Tensor forward(torch::Tensor x) const {
    for (const auto& block : blocks_) x = block->forward(x);
    return x;
  }

 private:
  std::vector<std::shared_ptr<Block>> blocks_;
};

/// LayerNorm and linear head: samples x width -> logits.
class Head : public torch::nn::Module {
 public:
  Head(std::int64_t width, std::int64_t outputs)
      : norm_(register_module("norm", std::make_shared<LayerNorm>(width))),
        linear_(register_module("linear",
                                std::make_shared<Linear>(width, outputs))) {
    xavier_normal(*linear_);
  }

  /// The class token's logits.
  torch::Tensor of_first_token(const torch::Tensor& tokens) const {
    return linear_->forward(norm_->forward(tokens.select(1, 0)));
  }

  /// samples x tokens x width -> samples x tokens x outputs.
  torch::Tensor of_every_token(const torch::Tensor& tokens) const {
    return linear_->forward(norm_->forward(tokens));
  }

  torch::Tensor of_mean_token(const torch::Tensor& tokens) const {
    return linear_->forward(norm_->forward(tokens).mean(1));
  }

 private:
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<Linear> linear_;
};

std::shared_ptr<LearnedTensor> learned(const Shape& shape) {
  auto tensor = std::make_shared<LearnedTensor>(shape);
  small_normal(*tensor);
  return tensor;
}

/// Patches that do not overlap: NCHW -> samples x patches x width.
class Patches : public torch::nn::Module {
 public:
  Patches(std::int64_t channels, std::int64_t patch, std::int64_t width)
      : convolution_(register_module(
            "convolution",
            std::make_shared<Conv2d>(
                channels, width,
                Conv2d::Options{.kernel = patch, .stride = patch}))) {
    kaiming_normal(*convolution_);
  }

  torch::Tensor forward(const torch::Tensor& images) const {
    return convolution_
        ->forward(images.contiguous(at::MemoryFormat::ChannelsLast))
        .flatten(2)
        .transpose(1, 2);
  }

 private:
  std::shared_ptr<Conv2d> convolution_;
};

/// The steps of a sequence as tokens: samples x T x D -> samples x T x width.
class Embedding : public torch::nn::Module {
 public:
  Embedding(std::int64_t features, std::int64_t width)
      : linear_(register_module("linear",
                                std::make_shared<Linear>(features, width))) {
    xavier_normal(*linear_);
  }

  torch::Tensor forward(const torch::Tensor& steps) const {
    return linear_->forward(steps);
  }

 private:
  std::shared_ptr<Linear> linear_;
};

class VitModel : public ImageModel {
 public:
  VitModel(const zoo::Vit& vit, const Shape& input, const zoo::Head& head) {
    std::int64_t tokens = input.front();
    if (input.size() == 2) {
      embedding_ = register_module(
          "embedding", std::make_shared<Embedding>(input.back(), vit.width));
    } else {
      tokens = input[1] / vit.patch * (input[2] / vit.patch);
      patches_ = register_module(
          "patches",
          std::make_shared<Patches>(input.front(), vit.patch, vit.width));
    }
    if (!head.per_step) {
      class_token_ = register_module("class_token", learned({1, vit.width}));
      ++tokens;
    }
    positions_ = register_module("positions", learned({tokens, vit.width}));
    blocks_ = register_module(
        "blocks", std::make_shared<Blocks>(vit.depth, vit.width, vit.heads,
                                           vit.mlp_ratio));
    head_ = register_module("head",
                            std::make_shared<Head>(vit.width, head.outputs));
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    const std::int64_t samples = inputs.size(0);
    // Norms are summed in the order of use: the class token comes first.
    std::vector<torch::Tensor> parts;
    if (class_token_) parts.push_back(class_token_->forward(samples));
    parts.push_back(embedding_ ? embedding_->forward(inputs)
                               : patches_->forward(inputs));
    torch::Tensor tokens = parts.size() == 1 ? parts[0] : torch::cat(parts, 1);
    tokens = blocks_->forward(tokens + positions_->forward(samples));
    return class_token_ ? head_->of_first_token(tokens)
                        : head_->of_every_token(tokens);
  }

 private:
  std::shared_ptr<Patches> patches_;      ///< of images
  std::shared_ptr<Embedding> embedding_;  ///< of sequences
  std::shared_ptr<LearnedTensor> class_token_;
  std::shared_ptr<LearnedTensor> positions_;
  std::shared_ptr<Blocks> blocks_;
  std::shared_ptr<Head> head_;
};

/// 3x3 convolution without bias, BatchNorm, GELU.
class TokenizerLayer : public torch::nn::Module {
 public:
  TokenizerLayer(std::int64_t channels, std::int64_t outputs,
                 std::int64_t stride)
      : convolution_(register_module(
            "convolution",
            std::make_shared<Conv2d>(
                channels, outputs,
                Conv2d::Options{
                    .stride = stride, .padding = 1, .bias = false}))),
        norm_(register_module("norm", std::make_shared<BatchNorm>(outputs))) {
    kaiming_normal(*convolution_);
  }

  torch::Tensor forward(const torch::Tensor& input) const {
    return norm_activate(*norm_, convolution_->forward(input),
                         Activation::gelu);
  }

 private:
  std::shared_ptr<Conv2d> convolution_;
  std::shared_ptr<BatchNorm> norm_;
};

class CctModel : public ImageModel {
 public:
  CctModel(const zoo::Cct& cct, const Shape& input, std::int64_t outputs)
      : first_(register_module("first", std::make_shared<TokenizerLayer>(
                                            input.at(0), cct.width / 2, 1))),
        second_(register_module("second", std::make_shared<TokenizerLayer>(
                                              cct.width / 2, cct.width, 2))),
        positions_(register_module(
            "positions",
            learned(
                {(input.at(1) + 1) / 2 * ((input.at(2) + 1) / 2), cct.width}))),
        blocks_(register_module(
            "blocks", std::make_shared<Blocks>(cct.depth, cct.width, cct.heads,
                                               cct.mlp_ratio))),
        head_(register_module("head",
                              std::make_shared<Head>(cct.width, outputs))) {}

  torch::Tensor forward(const torch::Tensor& inputs) override {
    const torch::Tensor tokens =
        second_
            ->forward(first_->forward(
                inputs.contiguous(at::MemoryFormat::ChannelsLast)))
            .flatten(2)
            .transpose(1, 2);
    return head_->of_mean_token(
        blocks_->forward(tokens + positions_->forward(inputs.size(0))));
  }

  /// Each sample has 256 tokens; with more samples at once a probe would need
  /// more memory than training.
  std::int64_t micro_batch_size() const override { return 4; }

 private:
  std::shared_ptr<TokenizerLayer> first_, second_;
  std::shared_ptr<LearnedTensor> positions_;
  std::shared_ptr<Blocks> blocks_;
  std::shared_ptr<Head> head_;
};

class PitModel : public ImageModel {
 public:
  PitModel(const zoo::Pit& pit, const Shape& input, std::int64_t outputs)
      : rows_(input.at(1) / pit.patch),
        columns_(input.at(2) / pit.patch),
        patches_(register_module(
            "patches",
            std::make_shared<Patches>(input.at(0), pit.patch, pit.width))),
        positions_(register_module("positions",
                                   learned({rows_ * columns_, pit.width}))),
        blocks_(register_module(
            "blocks", std::make_shared<Blocks>(pit.depth, pit.width, pit.heads,
                                               pit.mlp_ratio))),
        widen_(register_module(
            "widen", std::make_shared<Linear>(pit.width, 2 * pit.width))),
        wide_positions_(register_module(
            "wide_positions", learned({rows_ * columns_ / 4, 2 * pit.width}))),
        wide_blocks_(register_module(
            "wide_blocks",
            std::make_shared<Blocks>(pit.depth, 2 * pit.width, pit.heads + 1,
                                     pit.mlp_ratio))),
        head_(register_module("head",
                              std::make_shared<Head>(2 * pit.width, outputs))) {
    xavier_normal(*widen_);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    const std::int64_t samples = inputs.size(0);
    torch::Tensor x = blocks_->forward(patches_->forward(inputs) +
                                       positions_->forward(samples));
    x = x.transpose(1, 2).reshape({samples, x.size(2), rows_, columns_});
    x = torch::avg_pool2d(x, 2).flatten(2).transpose(1, 2);
    x = widen_->forward(x) + wide_positions_->forward(samples);
    return head_->of_mean_token(wide_blocks_->forward(x));
  }

 private:
  const std::int64_t rows_, columns_;
  std::shared_ptr<Patches> patches_;
  std::shared_ptr<LearnedTensor> positions_;
  std::shared_ptr<Blocks> blocks_;
  std::shared_ptr<Linear> widen_;
  std::shared_ptr<LearnedTensor> wide_positions_;
  std::shared_ptr<Blocks> wide_blocks_;
  std::shared_ptr<Head> head_;
};

}  // namespace

std::shared_ptr<Model> make_model(const zoo::Vit& vit, const Shape& input,
                                  const zoo::Head& head) {
  return std::make_shared<VitModel>(vit, input, head);
}

std::shared_ptr<Model> make_model(const zoo::Cct& cct, const Shape& input,
                                  const zoo::Head& head) {
  return std::make_shared<CctModel>(cct, input, head.outputs);
}

std::shared_ptr<Model> make_model(const zoo::Pit& pit, const Shape& input,
                                  const zoo::Head& head) {
  return std::make_shared<PitModel>(pit, input, head.outputs);
}

}  // namespace cape::models
