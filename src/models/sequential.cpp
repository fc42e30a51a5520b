#include "zoo/sequential.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>
#include <vector>

#include "models/families.h"
#include "models/initialize.h"
#include "models/layers.h"
#include "models/norm_activation.h"
#include "models/recurrent.h"
#include "models/residual_branch.h"

namespace cape::models {
namespace {

namespace described = zoo::layers;

using torch::Tensor;
using zoo::Initialization;

std::int64_t product(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1},
                         std::multiplies<>());
}

/// D or C.
std::int64_t features_of(const Shape& shape) {
  return shape.size() == 3 ? shape.front() : shape.back();
}

/// samples x T x D <-> samples x D x T; anything else as it is.
Tensor features_second(const Tensor& x) {
  return x.dim() == 3 ? x.transpose(1, 2) : x;
}

/// samples x features x H x W <-> samples x H x W x features, without a copy.
Tensor channels_last(const Tensor& x) { return x.permute({0, 2, 3, 1}); }
Tensor channels_second(const Tensor& x) { return x.permute({0, 3, 1, 2}); }

/// One layer: a batch of samples, each of the shape that comes in, to the same
/// samples of the shape that goes out.
class LayerModule : public torch::nn::Module {
 public:
  virtual Tensor forward(const Tensor& input) const = 0;
};

using ModulePointer = std::shared_ptr<LayerModule>;

/// A layer without parameters.
class FunctionPart : public LayerModule {
 public:
  using Function = std::function<Tensor(const Tensor&)>;

  explicit FunctionPart(Function function) : function_(std::move(function)) {}

  Tensor forward(const Tensor& input) const override {
    return function_(input);
  }

 private:
  const Function function_;
};

/// A layer of models/layers.h as it is.
template <class Layer>
class LayerPart : public LayerModule {
 public:
  explicit LayerPart(std::shared_ptr<Layer> layer)
      : layer_(register_module("layer", std::move(layer))) {}

  Tensor forward(const Tensor& input) const override {
    return layer_->forward(input);
  }

 private:
  std::shared_ptr<Layer> layer_;
};

/// BatchNorm with an activation and dropout that follow it.
class BatchNormPart : public LayerModule {
 public:
  BatchNormPart(std::int64_t features, Activation activation, double dropout)
      : norm_(register_module("norm", std::make_shared<BatchNorm>(features))),
        dropout_(
            register_module("dropout", std::make_shared<Dropout>(dropout))),
        activation_(activation) {}

  Tensor forward(const Tensor& input) const override {
    return features_second(norm_activate(*norm_, features_second(input),
                                         activation_, {}, dropout_->rate()));
  }

 private:
  std::shared_ptr<BatchNorm> norm_;
  std::shared_ptr<Dropout> dropout_;
  const Activation activation_;
};

class LayerNormPart : public LayerModule {
 public:
  explicit LayerNormPart(std::int64_t features)
      : norm_(register_module("norm", std::make_shared<LayerNorm>(features))) {}

  Tensor forward(const Tensor& input) const override {
    if (input.dim() < 4) return norm_->forward(input);
    return channels_second(norm_->forward(channels_last(input)));
  }

 private:
  std::shared_ptr<LayerNorm> norm_;
};

class GroupNormPart : public LayerModule {
 public:
  GroupNormPart(std::int64_t groups, std::int64_t features)
      : norm_(register_module("norm",
                              std::make_shared<GroupNorm>(groups, features))) {}

  Tensor forward(const Tensor& input) const override {
    return features_second(norm_->forward(features_second(input)));
  }

 private:
  std::shared_ptr<GroupNorm> norm_;
};

/// NCHW -> samples x patches x outputs.
class PatchesPart : public LayerModule {
 public:
  explicit PatchesPart(std::shared_ptr<Conv2d> convolution)
      : convolution_(register_module("convolution", std::move(convolution))) {}

  Tensor forward(const Tensor& input) const override {
    return convolution_->forward(input).flatten(2).transpose(1, 2);
  }

 private:
  std::shared_ptr<Conv2d> convolution_;
};

class PositionsPart : public LayerModule {
 public:
  explicit PositionsPart(const Shape& tokens)
      : positions_(register_module("positions",
                                   std::make_shared<LearnedTensor>(tokens))) {
    small_normal(*positions_);
  }

  Tensor forward(const Tensor& input) const override {
    return input + positions_->forward(input.size(0));
  }

 private:
  std::shared_ptr<LearnedTensor> positions_;
};

template <int Gates>
class RecurrentPart : public LayerModule {
 public:
  RecurrentPart(std::shared_ptr<RecurrentStack<Gates>> stack, bool all_steps)
      : stack_(register_module("stack", std::move(stack))),
        all_steps_(all_steps) {}

  Tensor forward(const Tensor& input) const override {
    const Tensor steps = input.transpose(0, 1);
    return all_steps_ ? stack_->all_steps(steps).transpose(0, 1)
                      : stack_->last_step(steps);
  }

 private:
  std::shared_ptr<RecurrentStack<Gates>> stack_;
  const bool all_steps_;
};

class TransformerBlockPart : public LayerModule {
 public:
  TransformerBlockPart(const described::TransformerBlock& block,
                       std::int64_t width, Initialization how)
      : attention_norm_(register_module("attention_norm",
                                        std::make_shared<LayerNorm>(width))),
        attention_(register_module(
            "attention", std::make_shared<SelfAttention>(width, block.heads))),
        mlp_norm_(
            register_module("mlp_norm", std::make_shared<LayerNorm>(width))),
        expand_(register_module("expand", std::make_shared<Linear>(
                                              width, block.mlp_ratio * width))),
        contract_(register_module(
            "contract",
            std::make_shared<Linear>(block.mlp_ratio * width, width))),
        dropout_(register_module("dropout",
                                 std::make_shared<Dropout>(block.dropout))),
        pre_norm_(block.norm == described::NormPlace::pre) {
    initialize(how, *attention_);
    initialize(how, *expand_);
    initialize(how, *contract_);
  }

  Tensor forward(const Tensor& input) const override {
    if (!pre_norm_) {
      const Tensor x = attention_norm_->forward(
          input + dropout_->forward(attention_->forward(input)));
      return mlp_norm_->forward(x + dropout_->forward(mlp(x)));
    }
    if (dropout_->rate() == 0) {
      return mlp_branch(*mlp_norm_, *expand_, *contract_,
                        attention_branch(*attention_norm_, *attention_, input));
    }
    const Tensor x =
        input +
        dropout_->forward(attention_->forward(attention_norm_->forward(input)));
    return x + dropout_->forward(mlp(mlp_norm_->forward(x)));
  }

 private:
  Tensor mlp(const Tensor& x) const {
    return contract_->forward(torch::gelu(expand_->forward(x)));
  }

  std::shared_ptr<LayerNorm> attention_norm_;
  std::shared_ptr<SelfAttention> attention_;
  std::shared_ptr<LayerNorm> mlp_norm_;
  std::shared_ptr<Linear> expand_, contract_;
  std::shared_ptr<Dropout> dropout_;
  const bool pre_norm_;
};

/// Layers one after the other.
class ListPart : public LayerModule {
 public:
  void add(ModulePointer part) {
    parts_.push_back(register_module("part" + std::to_string(parts_.size()),
                                     std::move(part)));
  }

  Tensor forward(const Tensor& input) const override {
    Tensor x = input;
    for (const ModulePointer& part : parts_) x = part->forward(x);
    return x;
  }

 private:
  std::vector<ModulePointer> parts_;
};

/// An empty shortcut is the input itself.
class ResidualPart : public LayerModule {
 public:
  ResidualPart(std::shared_ptr<ListPart> inside,
               std::shared_ptr<ListPart> shortcut)
      : inside_(register_module("inside", std::move(inside))),
        shortcut_(register_module("shortcut", std::move(shortcut))) {}

  Tensor forward(const Tensor& input) const override {
    return inside_->forward(input) + shortcut_->forward(input);
  }

 private:
  std::shared_ptr<ListPart> inside_, shortcut_;
};

std::shared_ptr<ListPart> make_list(const described::Layers& layers,
                                    const Shape& input, Initialization how);

/// Builds each kind of layer for one input.
class PartMaker {
 public:
  PartMaker(const Shape& input, Initialization how)
      : input_(input), how_(how) {}

  ModulePointer operator()(const described::Linear& linear) const {
    auto layer = std::make_shared<Linear>(features_of(input_), linear.outputs,
                                          linear.bias);
    initialize(how_, *layer);
    return std::make_shared<LayerPart<Linear>>(std::move(layer));
  }

  ModulePointer operator()(const described::Conv& conv) const {
    return convolve(conv.outputs, {.kernel = conv.kernel,
                                   .stride = conv.stride,
                                   .padding = conv.padding,
                                   .groups = conv.groups,
                                   .bias = conv.bias});
  }

  ModulePointer operator()(const described::Depthwise& conv) const {
    const std::int64_t features = features_of(input_);
    return convolve(features, {.kernel = conv.kernel,
                               .stride = conv.stride,
                               .padding = conv.padding,
                               .groups = features,
                               .bias = conv.bias});
  }

  ModulePointer operator()(const described::Patches& patches) const {
    auto convolution = std::make_shared<Conv2d>(
        input_.front(), patches.outputs,
        Conv2d::Options{.kernel = patches.size, .stride = patches.size});
    initialize(how_, *convolution);
    return std::make_shared<PatchesPart>(std::move(convolution));
  }

  /// Stands before the whole network: build() of models/build.cpp.
  ModulePointer operator()(const described::Embedding& /*embedding*/) const {
    return function([](const Tensor& x) { return x; });
  }

  ModulePointer operator()(const described::BatchNorm& /*norm*/) const {
    return std::make_shared<BatchNormPart>(features_of(input_),
                                           Activation::none, 0);
  }

  ModulePointer operator()(const described::LayerNorm& /*norm*/) const {
    return std::make_shared<LayerNormPart>(features_of(input_));
  }

  ModulePointer operator()(const described::GroupNorm& norm) const {
    return std::make_shared<GroupNormPart>(norm.groups, features_of(input_));
  }

  ModulePointer operator()(const described::Relu& /*activation*/) const {
    return function([](const Tensor& x) { return torch::relu(x); });
  }
  ModulePointer operator()(const described::Gelu& /*activation*/) const {
    return function([](const Tensor& x) { return torch::gelu(x); });
  }
  ModulePointer operator()(const described::Tanh& /*activation*/) const {
    return function([](const Tensor& x) { return torch::tanh(x); });
  }
  ModulePointer operator()(const described::Silu& /*activation*/) const {
    return function([](const Tensor& x) { return torch::silu(x); });
  }

  ModulePointer operator()(const described::MaxPool& pool) const {
    return function([pool](const Tensor& x) {
      const std::int64_t kernel = pool.kernel, stride = pool.step(),
                         padding = pool.padding;
      if (x.dim() == 4) return torch::max_pool2d(x, kernel, stride, padding);
      return features_second(
          torch::max_pool1d(features_second(x), kernel, stride, padding));
    });
  }

  /// Zeros beyond the edge count, as in PyTorch.
  ModulePointer operator()(const described::AvgPool& pool) const {
    return function([pool](const Tensor& x) {
      const std::int64_t kernel = pool.kernel, stride = pool.step(),
                         padding = pool.padding;
      if (x.dim() == 4) return torch::avg_pool2d(x, kernel, stride, padding);
      return features_second(
          torch::avg_pool1d(features_second(x), kernel, stride, padding));
    });
  }

  ModulePointer operator()(const described::GlobalPool& /*pool*/) const {
    return function([](const Tensor& x) {
      return x.dim() == 4 ? x.mean({2, 3}) : x.mean(1);
    });
  }

  ModulePointer operator()(const described::Flatten& /*flatten*/) const {
    return function([](const Tensor& x) { return x.flatten(1); });
  }

  ModulePointer operator()(const described::Rows& /*rows*/) const {
    return function([](const Tensor& x) {
      return x.permute({0, 2, 1, 3}).flatten(2);
    });
  }

  ModulePointer operator()(const described::Tokens& /*tokens*/) const {
    return function(
        [](const Tensor& x) { return channels_last(x).flatten(1, 2); });
  }

  ModulePointer operator()(const described::Positions& /*positions*/) const {
    return std::make_shared<PositionsPart>(input_);
  }

  ModulePointer operator()(const described::Dropout& dropout) const {
    return std::make_shared<LayerPart<Dropout>>(
        std::make_shared<Dropout>(dropout.rate));
  }

  template <described::Cell C>
  ModulePointer operator()(const described::Recurrent<C>& rnn) const {
    constexpr int kGates = described::Recurrent<C>::kGates;
    auto stack = std::make_shared<RecurrentStack<kGates>>(
        input_.back(), rnn.hidden, rnn.layers, rnn.bidirectional);
    if (how_ != Initialization::torch) {  // which they have already
      for (const auto& layer : stack->layers()) {
        initialize_recurrent(how_, layer->input_projection(), kGates);
        initialize_recurrent(how_, layer->hidden_projection(), kGates);
      }
    }
    return std::make_shared<RecurrentPart<kGates>>(
        std::move(stack), rnn.output == described::Steps::all);
  }

  ModulePointer operator()(const described::TransformerBlock& block) const {
    return std::make_shared<TransformerBlockPart>(block, input_.back(), how_);
  }

  ModulePointer operator()(const described::Residual& residual) const {
    return std::make_shared<ResidualPart>(
        make_list(residual.layers, input_, how_),
        make_list(described::shortcut_of(residual, input_), input_, how_));
  }

 private:
  static ModulePointer function(FunctionPart::Function of) {
    return std::make_shared<FunctionPart>(std::move(of));
  }

  ModulePointer convolve(std::int64_t outputs,
                         const Conv2d::Options& options) const {
    if (input_.size() == 3) return make<Conv2d>(outputs, options);
    return make<Conv1d>(outputs, options);
  }

  template <class Convolution>
  ModulePointer make(std::int64_t outputs,
                     const Conv2d::Options& options) const {
    auto layer =
        std::make_shared<Convolution>(features_of(input_), outputs, options);
    initialize(how_, *layer);
    return std::make_shared<LayerPart<Convolution>>(std::move(layer));
  }

  const Shape& input_;
  const Initialization how_;
};

template <class L>
const L* layer_at(const described::Layers& layers, std::size_t i) {
  return i < layers.size() ? std::get_if<L>(&layers[i].any) : nullptr;
}

std::shared_ptr<ListPart> make_list(const described::Layers& layers,
                                    const Shape& input, Initialization how) {
  auto list = std::make_shared<ListPart>();
  Shape shape = input;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (layer_at<described::BatchNorm>(layers, i) == nullptr) {
      list->add(std::visit(PartMaker(shape, how), layers[i].any));
      shape = described::effect_of(layers[i], shape).output;
      continue;
    }
    // A BatchNorm can take in what follows it.
    Activation activation = Activation::none;
    if (layer_at<described::Relu>(layers, i + 1) != nullptr) {
      activation = Activation::relu;
    } else if (layer_at<described::Gelu>(layers, i + 1) != nullptr) {
      activation = Activation::gelu;
    }
    if (activation != Activation::none) ++i;
    double rate = 0;
    if (const auto* dropout = layer_at<described::Dropout>(layers, i + 1)) {
      rate = dropout->rate;
      ++i;
    }
    list->add(
        std::make_shared<BatchNormPart>(features_of(shape), activation, rate));
  }
  return list;
}

/// How many numbers a probe holds of one sample, roughly: the outputs of all
/// layers.
double values_in(const described::Layers& layers, const Shape& input) {
  double sum = 0;
  Shape shape = input;
  for (const described::Layer& layer : layers) {
    if (const auto* residual = std::get_if<described::Residual>(&layer.any)) {
      sum += values_in(residual->layers, shape);
    }
    double parts = 1;
    if (const auto* block =
            std::get_if<described::TransformerBlock>(&layer.any)) {
      parts = static_cast<double>(8 + 2 * block->mlp_ratio);
      sum += static_cast<double>(block->heads * shape.front() * shape.front());
    }
    shape = described::effect_of(layer, shape).output;
    sum += parts * static_cast<double>(product(shape));
  }
  return sum;
}

class SequentialModel : public Model {
 public:
  SequentialModel(const zoo::Sequential& network, const Shape& input,
                  const zoo::Head& head) {
    layers_ = register_module(
        "layers", make_list(network.layers, input, network.initialization));
    const Shape end = described::effect_of(network.layers, input).output;
    output_ = register_module(
        "output", std::make_shared<Linear>(end.back(), head.outputs));
    initialize(network.initialization, *output_);
    // A few megabytes, which stay in the cache, and not less than four samples.
    constexpr double kValues = 1 << 20;
    constexpr double kMost = 4096;
    micro_batch_size_ = static_cast<std::int64_t>(std::clamp(
        kValues / std::max(values_in(network.layers, input), 1.0), 4.0, kMost));
  }

  Tensor forward(const Tensor& inputs) override {
    const Tensor x = inputs.dim() == 4
                         ? inputs.contiguous(at::MemoryFormat::ChannelsLast)
                         : inputs;
    return output_->forward(layers_->forward(x));
  }

  std::int64_t micro_batch_size() const override { return micro_batch_size_; }

 private:
  std::shared_ptr<ListPart> layers_;
  std::shared_ptr<Linear> output_;
  std::int64_t micro_batch_size_;
};

}  // namespace

std::shared_ptr<Model> make_model(const zoo::Sequential& network,
                                  const Shape& input, const zoo::Head& head) {
  return std::make_shared<SequentialModel>(network, input, head);
}

}  // namespace cape::models
