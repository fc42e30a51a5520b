#include <functional>
#include <numeric>
#include <utility>

#include "plain/families.h"

namespace cape::plain {
namespace {

namespace described = zoo::layers;
using torch::Tensor;

/// One layer of a list.
class Piece : public torch::nn::Module {
 public:
  virtual Tensor forward(const Tensor& input) = 0;
  /// In the order of ours.
  virtual std::vector<Tensor> weights() const { return parameters(); }
};

using PiecePointer = std::shared_ptr<Piece>;

class FunctionPiece : public Piece {
 public:
  explicit FunctionPiece(std::function<Tensor(const Tensor&)> function)
      : function_(std::move(function)) {}

  Tensor forward(const Tensor& input) override { return function_(input); }

 private:
  std::function<Tensor(const Tensor&)> function_;
};

/// A stock module, between two permutations of the dimensions of a batch.
template <class Stock>
class StockPiece : public Piece {
 public:
  using Dimensions = std::vector<std::int64_t>;

  explicit StockPiece(Stock stock, Dimensions before = {},
                      Dimensions after = {})
      : stock_(register_module("stock", std::move(stock))),
        before_(std::move(before)),
        after_(std::move(after)) {}

  Tensor forward(const Tensor& input) override {
    const Tensor x = before_.empty() ? input : input.permute(before_);
    const Tensor y = stock_->forward(x);
    return after_.empty() ? y : y.permute(after_);
  }

 private:
  Stock stock_;
  const Dimensions before_, after_;
};

template <class Stock>
PiecePointer piece(Stock stock) {
  return std::make_shared<StockPiece<Stock>>(std::move(stock));
}

/// For modules that want the features of a sequence second.
template <class Stock>
PiecePointer turned(Stock stock) {
  using Dimensions = std::vector<std::int64_t>;
  return std::make_shared<StockPiece<Stock>>(
      std::move(stock), Dimensions{0, 2, 1}, Dimensions{0, 2, 1});
}

PiecePointer function(std::function<Tensor(const Tensor&)> of) {
  return std::make_shared<FunctionPiece>(std::move(of));
}

template <class Stock>
class RecurrentPiece : public Piece {
 public:
  RecurrentPiece(Stock stock, bool all_steps)
      : stock_(register_module("stock", std::move(stock))),
        all_steps_(all_steps) {}

  Tensor forward(const Tensor& input) override {
    const Tensor steps = std::get<0>(stock_->forward(input));
    return all_steps_ ? steps : steps.select(1, -1);
  }

  std::vector<Tensor> weights() const override {
    // As for the family rnn: ours has the weight and the bias of the input,
    // then those of the state.
    std::vector<Tensor> all = parameters();
    for (std::size_t i = 0; i + 4 <= all.size(); i += 4) {
      std::swap(all[i + 1], all[i + 2]);
    }
    return all;
  }

 private:
  Stock stock_;
  const bool all_steps_;
};

class TransformerPiece : public Piece {
 public:
  TransformerPiece(const described::TransformerBlock& block, std::int64_t width)
      : norm1_(register_module("norm1", norm(width))),
        attention_(register_module(
            "attention",
            torch::nn::MultiheadAttention(
                torch::nn::MultiheadAttentionOptions(width, block.heads)))),
        norm2_(register_module("norm2", norm(width))),
        mlp_(register_module(
            "mlp", torch::nn::Sequential(
                       torch::nn::Linear(width, block.mlp_ratio * width),
                       torch::nn::GELU(),
                       torch::nn::Linear(block.mlp_ratio * width, width)))),
        dropout_(register_module("dropout", torch::nn::Dropout(block.dropout))),
        pre_norm_(block.norm == described::NormPlace::pre) {}

  Tensor forward(const Tensor& input) override {
    if (pre_norm_) {
      const Tensor x = input + attend(norm1_->forward(input));
      return x + dropout_->forward(mlp_->forward(norm2_->forward(x)));
    }
    const Tensor x = norm1_->forward(input + attend(input));
    return norm2_->forward(x + dropout_->forward(mlp_->forward(x)));
  }

  std::vector<Tensor> weights() const override {
    std::vector<Tensor> all = norm1_->parameters();
    for (std::int64_t part = 0; part < 3; ++part) {
      all.push_back(attention_->in_proj_weight.detach().chunk(3)[part]);
      all.push_back(attention_->in_proj_bias.detach().chunk(3)[part]);
    }
    for (const auto& parameters : {attention_->out_proj->parameters(),
                                   norm2_->parameters(), mlp_->parameters()}) {
      all.insert(all.end(), parameters.begin(), parameters.end());
    }
    return all;
  }

 private:
  static torch::nn::LayerNorm norm(std::int64_t width) {
    return torch::nn::LayerNorm(torch::nn::LayerNormOptions({width}));
  }

  Tensor attend(const Tensor& input) {
    const Tensor x = input.transpose(0, 1);
    return dropout_->forward(
        std::get<0>(attention_->forward(x, x, x)).transpose(0, 1));
  }

  torch::nn::LayerNorm norm1_;
  torch::nn::MultiheadAttention attention_;
  torch::nn::LayerNorm norm2_;
  torch::nn::Sequential mlp_;
  torch::nn::Dropout dropout_;
  const bool pre_norm_;
};

class LearnedPositions : public Piece {
 public:
  explicit LearnedPositions(const Shape& tokens)
      : value_(register_parameter("value", torch::zeros(tokens))) {}

  Tensor forward(const Tensor& input) override { return input + value_; }

 private:
  Tensor value_;
};

class ListPiece : public Piece {
 public:
  ListPiece(const described::Layers& layers, Shape shape);

  Tensor forward(const Tensor& input) override {
    Tensor x = input;
    for (const PiecePointer& piece : pieces_) x = piece->forward(x);
    return x;
  }

  std::vector<Tensor> weights() const override {
    std::vector<Tensor> all;
    for (const PiecePointer& piece : pieces_) {
      const std::vector<Tensor> own = piece->weights();
      all.insert(all.end(), own.begin(), own.end());
    }
    return all;
  }

 private:
  std::vector<PiecePointer> pieces_;
};

class ResidualPiece : public Piece {
 public:
  ResidualPiece(const described::Residual& residual, const Shape& input)
      : inside_(register_module(
            "inside", std::make_shared<ListPiece>(residual.layers, input))),
        shortcut_(register_module(
            "shortcut", std::make_shared<ListPiece>(
                            described::shortcut_of(residual, input), input))) {}

  Tensor forward(const Tensor& input) override {
    return inside_->forward(input) + shortcut_->forward(input);
  }

  std::vector<Tensor> weights() const override {
    std::vector<Tensor> all = inside_->weights();
    const std::vector<Tensor> other = shortcut_->weights();
    all.insert(all.end(), other.begin(), other.end());
    return all;
  }

 private:
  std::shared_ptr<ListPiece> inside_, shortcut_;
};

struct PieceMaker {
  const Shape& input;

  bool is_image() const { return input.size() == 3; }
  std::int64_t features() const {
    return is_image() ? input.front() : input.back();
  }

  PiecePointer operator()(const described::Linear& linear) const {
    return piece(
        torch::nn::Linear(torch::nn::LinearOptions(features(), linear.outputs)
                              .bias(linear.bias)));
  }

  PiecePointer convolve(const described::Conv& conv) const {
    if (is_image()) {
      return piece(torch::nn::Conv2d(
          torch::nn::Conv2dOptions(features(), conv.outputs, conv.kernel)
              .stride(conv.stride)
              .padding(conv.padding)
              .groups(conv.groups)
              .bias(conv.bias)));
    }
    return turned(torch::nn::Conv1d(
        torch::nn::Conv1dOptions(features(), conv.outputs, conv.kernel)
            .stride(conv.stride)
            .padding(conv.padding)
            .groups(conv.groups)
            .bias(conv.bias)));
  }
  PiecePointer operator()(const described::Conv& conv) const {
    return convolve(conv);
  }
  PiecePointer operator()(const described::Depthwise& conv) const {
    return convolve({.outputs = features(),
                     .kernel = conv.kernel,
                     .stride = conv.stride,
                     .padding = conv.padding,
                     .groups = features(),
                     .bias = conv.bias});
  }

  PiecePointer operator()(const described::Patches& patches) const {
    auto list = torch::nn::Sequential(
        torch::nn::Conv2d(
            torch::nn::Conv2dOptions(features(), patches.outputs, patches.size)
                .stride(patches.size)),
        torch::nn::Flatten(torch::nn::FlattenOptions().start_dim(2)));
    using Dimensions = std::vector<std::int64_t>;
    return std::make_shared<StockPiece<torch::nn::Sequential>>(
        std::move(list), Dimensions{}, Dimensions{0, 2, 1});
  }

  PiecePointer operator()(const described::BatchNorm& /*norm*/) const {
    if (is_image()) return piece(torch::nn::BatchNorm2d(features()));
    if (input.size() == 1) return piece(torch::nn::BatchNorm1d(features()));
    return turned(torch::nn::BatchNorm1d(features()));
  }

  PiecePointer operator()(const described::LayerNorm& /*norm*/) const {
    auto norm = torch::nn::LayerNorm(torch::nn::LayerNormOptions({features()}));
    if (!is_image()) return piece(norm);
    using Dimensions = std::vector<std::int64_t>;
    return std::make_shared<StockPiece<torch::nn::LayerNorm>>(
        norm, Dimensions{0, 2, 3, 1}, Dimensions{0, 3, 1, 2});
  }

  PiecePointer operator()(const described::GroupNorm& norm) const {
    auto stock = torch::nn::GroupNorm(
        torch::nn::GroupNormOptions(norm.groups, features()));
    return input.size() == 2 ? turned(stock) : piece(stock);
  }

  PiecePointer operator()(const described::Relu& /*activation*/) const {
    return piece(torch::nn::ReLU());
  }
  PiecePointer operator()(const described::Gelu& /*activation*/) const {
    return piece(torch::nn::GELU());
  }
  PiecePointer operator()(const described::Tanh& /*activation*/) const {
    return piece(torch::nn::Tanh());
  }
  PiecePointer operator()(const described::Silu& /*activation*/) const {
    return piece(torch::nn::SiLU());
  }

  PiecePointer operator()(const described::MaxPool& pool) const {
    if (is_image()) {
      return piece(torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions(pool.kernel)
                                            .stride(pool.step())
                                            .padding(pool.padding)));
    }
    return turned(torch::nn::MaxPool1d(torch::nn::MaxPool1dOptions(pool.kernel)
                                           .stride(pool.step())
                                           .padding(pool.padding)));
  }
  PiecePointer operator()(const described::AvgPool& pool) const {
    if (is_image()) {
      return piece(torch::nn::AvgPool2d(torch::nn::AvgPool2dOptions(pool.kernel)
                                            .stride(pool.step())
                                            .padding(pool.padding)));
    }
    return turned(torch::nn::AvgPool1d(torch::nn::AvgPool1dOptions(pool.kernel)
                                           .stride(pool.step())
                                           .padding(pool.padding)));
  }

  PiecePointer operator()(const described::GlobalPool& /*pool*/) const {
    return is_image()
               ? function([](const Tensor& x) { return x.flatten(2).mean(2); })
               : function([](const Tensor& x) { return x.mean(1); });
  }
  PiecePointer operator()(const described::Flatten& /*flatten*/) const {
    return piece(torch::nn::Flatten());
  }
  PiecePointer operator()(const described::Rows& /*rows*/) const {
    return function(
        [](const Tensor& x) { return x.transpose(1, 2).flatten(2); });
  }
  PiecePointer operator()(const described::Tokens& /*tokens*/) const {
    return function(
        [](const Tensor& x) { return x.flatten(2).transpose(1, 2); });
  }
  /// Before the whole network, as a stock torch::nn::Embedding would be.
  PiecePointer operator()(const described::Embedding& /*embedding*/) const {
    return function([](const Tensor& x) { return x; });
  }
  PiecePointer operator()(const described::Positions& /*positions*/) const {
    return std::make_shared<LearnedPositions>(input);
  }
  PiecePointer operator()(const described::Dropout& dropout) const {
    return piece(torch::nn::Dropout(dropout.rate));
  }

  template <class Stock, class Options, class Description>
  PiecePointer recurrent(const Description& rnn) const {
    return std::make_shared<RecurrentPiece<Stock>>(
        Stock(Options(input.back(), rnn.hidden)
                  .num_layers(rnn.layers)
                  .bidirectional(rnn.bidirectional)
                  .batch_first(true)),
        rnn.output == described::Steps::all);
  }
  PiecePointer operator()(const described::Lstm& lstm) const {
    return recurrent<torch::nn::LSTM, torch::nn::LSTMOptions>(lstm);
  }
  PiecePointer operator()(const described::Gru& gru) const {
    return recurrent<torch::nn::GRU, torch::nn::GRUOptions>(gru);
  }
  PiecePointer operator()(const described::Rnn& rnn) const {
    return recurrent<torch::nn::RNN, torch::nn::RNNOptions>(rnn);
  }

  PiecePointer operator()(const described::TransformerBlock& block) const {
    return std::make_shared<TransformerPiece>(block, input.back());
  }
  PiecePointer operator()(const described::Residual& residual) const {
    return std::make_shared<ResidualPiece>(residual, input);
  }
};

ListPiece::ListPiece(const described::Layers& layers, Shape shape) {
  for (const described::Layer& layer : layers) {
    pieces_.push_back(
        register_module("piece" + std::to_string(pieces_.size()),
                        std::visit(PieceMaker{shape}, layer.any)));
    shape = described::effect_of(layer, shape).output;
  }
}

class ListModel : public PlainModel {
 public:
  ListModel(const zoo::Sequential& network, const Shape& input,
            std::int64_t outputs)
      : layers_(register_module(
            "layers", std::make_shared<ListPiece>(network.layers, input))),
        output_(register_module(
            "output",
            torch::nn::Linear(
                described::effect_of(network.layers, input).output.back(),
                outputs))) {}

  Tensor forward(const Tensor& inputs) override {
    return output_->forward(layers_->forward(inputs));
  }

  std::vector<Tensor> weights() const override {
    std::vector<Tensor> all = layers_->weights();
    const std::vector<Tensor> own = output_->parameters();
    all.insert(all.end(), own.begin(), own.end());
    return all;
  }

 private:
  std::shared_ptr<ListPiece> layers_;
  torch::nn::Linear output_;
};

}  // namespace

ModelPointer make(const zoo::Sequential& network, const Shape& input,
                  std::int64_t outputs) {
  return std::make_shared<ListModel>(network, input, outputs);
}

}  // namespace cape::plain
