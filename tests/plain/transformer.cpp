#include "plain/families.h"

namespace cape::plain {
namespace {

using torch::nn::Sequential;

torch::nn::LayerNorm layer_norm(std::int64_t width) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
}

torch::nn::Conv2d patch_convolution(std::int64_t channels, std::int64_t patch,
                                    std::int64_t width) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(channels, width, patch).stride(patch));
}

/// samples x width x H x W -> samples x tokens x width.
torch::Tensor to_tokens(const torch::Tensor& maps) {
  return maps.flatten(2).transpose(1, 2);
}

/// What PyTorch's MultiheadAttention does in Python without weights: tokens
/// first, one projection for queries, keys and values, fused attention. (The
/// module of this name in C++ multiplies and takes the softmax one by one,
/// which is slower.)
class Attention : public torch::nn::Module {
 public:
  Attention(std::int64_t width, std::int64_t heads)
      : input_weight(register_parameter("in_proj_weight",
                                        torch::empty({3 * width, width}))),
        input_bias(
            register_parameter("in_proj_bias", torch::zeros({3 * width}))),
        output_(register_module("output", torch::nn::Linear(width, width))),
        heads_(heads) {
    torch::nn::init::xavier_uniform_(input_weight);
    torch::nn::init::zeros_(output_->bias);
  }

  /// tokens x samples x width -> the same.
  torch::Tensor forward(const torch::Tensor& x) {
    const std::int64_t tokens = x.size(0);
    const std::int64_t samples = x.size(1);
    const std::int64_t width = x.size(2);
    const auto heads = [&](const torch::Tensor& projected) {
      return projected.reshape({tokens, samples, heads_, width / heads_})
          .permute({1, 2, 0, 3});
    };
    const std::vector<torch::Tensor> parts =
        torch::linear(x, input_weight, input_bias).chunk(3, 2);
    const torch::Tensor attended = torch::scaled_dot_product_attention(
        heads(parts[0]), heads(parts[1]), heads(parts[2]));
    return output_->forward(
        attended.permute({2, 0, 1, 3}).reshape({tokens, samples, width}));
  }

  torch::Tensor input_weight, input_bias;  ///< of queries, keys, values

 private:
  torch::nn::Linear output_;
  const std::int64_t heads_;
};

/// Pre-norm: x + attention(norm(x)), then x + mlp(norm(x)).
class Block : public torch::nn::Module {
 public:
  Block(std::int64_t width, std::int64_t heads, std::int64_t mlp_ratio)
      : attention_norm_(register_module("norm1", layer_norm(width))),
        attention_(register_module("attention",
                                   std::make_shared<Attention>(width, heads))),
        mlp_norm_(register_module("norm2", layer_norm(width))),
        mlp_(register_module(
            "mlp", Sequential(torch::nn::Linear(width, mlp_ratio * width),
                              torch::nn::GELU(),
                              torch::nn::Linear(mlp_ratio * width, width)))) {}

  torch::Tensor forward(const torch::Tensor& input) {
    const torch::Tensor x = input + attend(attention_norm_->forward(input));
    return x + mlp_->forward(mlp_norm_->forward(x));
  }

 private:
  torch::Tensor attend(const torch::Tensor& input) {
    return attention_->forward(input.transpose(0, 1)).transpose(0, 1);
  }

  torch::nn::LayerNorm attention_norm_;
  std::shared_ptr<Attention> attention_;
  torch::nn::LayerNorm mlp_norm_;
  Sequential mlp_;
};

Sequential blocks(std::int64_t depth, std::int64_t width, std::int64_t heads,
                  std::int64_t mlp_ratio) {
  Sequential all;
  for (std::int64_t i = 0; i < depth; ++i) {
    all->push_back(std::make_shared<Block>(width, heads, mlp_ratio));
  }
  return all;
}

class Transformer : public PlainModel {
 public:
  std::vector<torch::Tensor> weights() const override {
    std::vector<torch::Tensor> all;
    for (const auto& module : modules()) {
      const auto* attention = dynamic_cast<const Attention*>(module.get());
      if (attention == nullptr) {
        for (const auto& own : module->parameters(/*recurse=*/false)) {
          all.push_back(own);
        }
        continue;
      }
      // Ours has a layer each for queries, keys and values.
      for (std::int64_t part = 0; part < 3; ++part) {
        all.push_back(attention->input_weight.detach().chunk(3)[part]);
        all.push_back(attention->input_bias.detach().chunk(3)[part]);
      }
    }
    return all;
  }
};

/// A learned tensor with one row per token.
class Learned : public torch::nn::Module {
 public:
  Learned(std::int64_t tokens, std::int64_t width)
      : value(register_parameter("value", torch::zeros({tokens, width}))) {}

  torch::Tensor value;
};

class Vit : public Transformer {
 public:
  Vit(const zoo::Vit& vit, const Shape& input, std::int64_t outputs)
      : patches_(register_module(
            "patches", patch_convolution(input.at(0), vit.patch, vit.width))),
        class_token_(register_module("class_token",
                                     std::make_shared<Learned>(1, vit.width))),
        positions_(register_module(
            "positions",
            std::make_shared<Learned>(
                input.at(1) / vit.patch * (input.at(2) / vit.patch) + 1,
                vit.width))),
        blocks_(register_module(
            "blocks", blocks(vit.depth, vit.width, vit.heads, vit.mlp_ratio))),
        norm_(register_module("norm", layer_norm(vit.width))),
        head_(register_module("head", torch::nn::Linear(vit.width, outputs))) {}

  torch::Tensor forward(const torch::Tensor& inputs) override {
    const torch::Tensor class_tokens =
        class_token_->value.expand({inputs.size(0), -1, -1});
    torch::Tensor x =
        torch::cat({class_tokens, to_tokens(patches_->forward(inputs))}, 1);
    x = norm_->forward(blocks_->forward(x + positions_->value));
    return head_->forward(x.select(1, 0));
  }

 private:
  torch::nn::Conv2d patches_;
  std::shared_ptr<Learned> class_token_, positions_;
  Sequential blocks_;
  torch::nn::LayerNorm norm_;
  torch::nn::Linear head_;
};

torch::nn::Conv2d tokenizer_convolution(std::int64_t channels,
                                        std::int64_t outputs,
                                        std::int64_t stride) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(channels, outputs, 3)
                               .stride(stride)
                               .padding(1)
                               .bias(false));
}

class Cct : public Transformer {
 public:
  Cct(const zoo::Cct& cct, const Shape& input, std::int64_t outputs)
      : tokenizer_(register_module(
            "tokenizer",
            Sequential(tokenizer_convolution(input.at(0), cct.width / 2, 1),
                       torch::nn::BatchNorm2d(cct.width / 2), torch::nn::GELU(),
                       tokenizer_convolution(cct.width / 2, cct.width, 2),
                       torch::nn::BatchNorm2d(cct.width), torch::nn::GELU()))),
        positions_(register_module(
            "positions",
            std::make_shared<Learned>(
                (input.at(1) + 1) / 2 * ((input.at(2) + 1) / 2), cct.width))),
        blocks_(register_module(
            "blocks", blocks(cct.depth, cct.width, cct.heads, cct.mlp_ratio))),
        norm_(register_module("norm", layer_norm(cct.width))),
        head_(register_module("head", torch::nn::Linear(cct.width, outputs))) {}

  torch::Tensor forward(const torch::Tensor& inputs) override {
    const torch::Tensor tokens = to_tokens(tokenizer_->forward(inputs));
    const torch::Tensor x = blocks_->forward(tokens + positions_->value);
    return head_->forward(norm_->forward(x).mean(1));
  }

 private:
  Sequential tokenizer_;
  std::shared_ptr<Learned> positions_;
  Sequential blocks_;
  torch::nn::LayerNorm norm_;
  torch::nn::Linear head_;
};

class Pit : public Transformer {
 public:
  Pit(const zoo::Pit& pit, const Shape& input, std::int64_t outputs)
      : rows_(input.at(1) / pit.patch),
        columns_(input.at(2) / pit.patch),
        patches_(register_module(
            "patches", patch_convolution(input.at(0), pit.patch, pit.width))),
        positions_(register_module(
            "positions",
            std::make_shared<Learned>(rows_ * columns_, pit.width))),
        blocks_(register_module(
            "blocks", blocks(pit.depth, pit.width, pit.heads, pit.mlp_ratio))),
        projection_(register_module(
            "projection", torch::nn::Linear(pit.width, 2 * pit.width))),
        wide_positions_(register_module(
            "wide_positions",
            std::make_shared<Learned>(rows_ * columns_ / 4, 2 * pit.width))),
        wide_blocks_(register_module(
            "wide_blocks",
            blocks(pit.depth, 2 * pit.width, pit.heads + 1, pit.mlp_ratio))),
        norm_(register_module("norm", layer_norm(2 * pit.width))),
        head_(register_module("head",
                              torch::nn::Linear(2 * pit.width, outputs))) {}

  torch::Tensor forward(const torch::Tensor& inputs) override {
    torch::Tensor x = to_tokens(patches_->forward(inputs));
    x = blocks_->forward(x + positions_->value);
    x = x.transpose(1, 2).reshape({x.size(0), x.size(2), rows_, columns_});
    x = projection_->forward(to_tokens(torch::avg_pool2d(x, 2)));
    x = wide_blocks_->forward(x + wide_positions_->value);
    return head_->forward(norm_->forward(x).mean(1));
  }

 private:
  const std::int64_t rows_, columns_;
  torch::nn::Conv2d patches_;
  std::shared_ptr<Learned> positions_;
  Sequential blocks_;
  torch::nn::Linear projection_;
  std::shared_ptr<Learned> wide_positions_;
  Sequential wide_blocks_;
  torch::nn::LayerNorm norm_;
  torch::nn::Linear head_;
};

}  // namespace

ModelPointer make(const zoo::Vit& vit, const Shape& input,
                  std::int64_t outputs) {
  return std::make_shared<Vit>(vit, input, outputs);
}

ModelPointer make(const zoo::Cct& cct, const Shape& input,
                  std::int64_t outputs) {
  return std::make_shared<Cct>(cct, input, outputs);
}

ModelPointer make(const zoo::Pit& pit, const Shape& input,
                  std::int64_t outputs) {
  return std::make_shared<Pit>(pit, input, outputs);
}

}  // namespace cape::plain
