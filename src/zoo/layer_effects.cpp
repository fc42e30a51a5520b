#include <fmt/format.h>

#include <functional>
#include <numeric>
#include <optional>

#include "zoo/layers.h"

namespace cape::zoo::layers {
namespace {

// Networks beyond these are mistakes, and their sums could overflow.
constexpr std::int64_t kMostValues = std::int64_t{1} << 27;
constexpr std::int64_t kMostParameters = std::int64_t{1} << 31;

std::int64_t product_of(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1},
                         std::multiplies<>());
}

bool is_vector(const Shape& shape) { return shape.size() == 1; }
bool is_sequence(const Shape& shape) { return shape.size() == 2; }
bool is_image(const Shape& shape) { return shape.size() == 3; }

/// D, D or C.
std::int64_t features_of(const Shape& shape) {
  return is_image(shape) ? shape.front() : shape.back();
}

/// 1, T or H x W.
std::int64_t positions_of(const Shape& shape) {
  return product_of(shape) / features_of(shape);
}

/// "3 x 3", or "7 steps".
std::string text_of_positions(const Shape& shape) {
  if (is_image(shape)) return to_text({shape[1], shape[2]});
  return fmt::format("{} steps", shape.front());
}

std::string text_of(const Shape& shape) {
  if (is_vector(shape)) return fmt::format("a vector of {}", shape[0]);
  if (is_sequence(shape)) return fmt::format("a sequence {}", to_text(shape));
  return fmt::format("an image {}", to_text(shape));
}

/// Windows of some side that move over an image or over steps.
struct Window {
  std::int64_t kernel, stride, padding;
};

/// Works out the effect of each kind of layer on one input.
class Measure {
 public:
  Measure(const Shape& input, const std::string& place)
      : input_(input), place_(place) {}

  Effect operator()(const Linear& linear) const {
    if (is_image(input_)) {
      refuse<Linear>("vectors or sequences",
                     "; put flatten or global_pool "
                     "before it");
    }
    const std::int64_t weights = features_of(input_) * linear.outputs;
    return {.output = with_features(linear.outputs),
            .parameters = weights + (linear.bias ? linear.outputs : 0),
            .flops = product(positions_of(input_), weights)};
  }

  Effect operator()(const Conv& conv) const {
    const std::int64_t inputs = features_of(input_);
    if (inputs % conv.groups != 0 || conv.outputs % conv.groups != 0) {
      fail<Conv>(fmt::format(
          "groups must divide the features that come in and those that go out "
          "(found {}, {} and {})",
          conv.groups, inputs, conv.outputs));
    }
    return convolve<Conv>({conv.kernel, conv.stride, conv.padding},
                          conv.outputs, inputs / conv.groups, conv.bias);
  }

  Effect operator()(const Depthwise& conv) const {
    return convolve<Depthwise>({conv.kernel, conv.stride, conv.padding},
                               features_of(input_), 1, conv.bias);
  }

  Effect operator()(const Patches& patches) const {
    if (!is_image(input_)) refuse<Patches>("images");
    if (input_[1] % patches.size != 0 || input_[2] % patches.size != 0) {
      fail<Patches>(fmt::format("size {} does not divide {}", patches.size,
                                text_of_positions(input_)));
    }
    const std::int64_t tokens =
        (input_[1] / patches.size) * (input_[2] / patches.size);
    const std::int64_t weights =
        input_[0] * patches.size * patches.size * patches.outputs;
    return {.output = {tokens, patches.outputs},
            .parameters = weights + patches.outputs,
            .flops = product(tokens, weights)};
  }

  /// Its parameters and what it makes of tokens belong to the data set.
  Effect operator()(const Embedding& embedding) const {
    if (!is_sequence(input_) || input_.back() != embedding.outputs) {
      refuse<Embedding>("tokens");
    }
    return {.output = input_};
  }

  Effect operator()(const BatchNorm& /*norm*/) const { return norm(); }
  Effect operator()(const LayerNorm& /*norm*/) const { return norm(); }

  Effect operator()(const GroupNorm& group_norm) const {
    if (features_of(input_) % group_norm.groups != 0) {
      fail<GroupNorm>(fmt::format("{} groups do not divide {} features",
                                  group_norm.groups, features_of(input_)));
    }
    return norm();
  }

  template <Function F>
  Effect operator()(const Activate<F>& /*activation*/) const {
    return {.output = input_};
  }

  template <Pooling P>
  Effect operator()(const Pool<P>& pool) const {
    using Layer = Pool<P>;
    if (2 * pool.padding > pool.kernel) {
      fail<Layer>(fmt::format(
          "padding must be at most half of the kernel (found {} and {})",
          pool.padding, pool.kernel));
    }
    return {.output = slide<Layer>({pool.kernel, pool.step(), pool.padding},
                                   features_of(input_))};
  }

  Effect operator()(const GlobalPool& /*pool*/) const {
    if (is_vector(input_)) refuse<GlobalPool>("images or sequences");
    return {.output = {features_of(input_)}};
  }

  Effect operator()(const Flatten& /*flatten*/) const {
    return {.output = {product_of(input_)}};
  }

  Effect operator()(const Rows& /*rows*/) const {
    if (!is_image(input_)) refuse<Rows>("images");
    return {.output = {input_[1], input_[0] * input_[2]}};
  }

  Effect operator()(const Tokens& /*tokens*/) const {
    if (!is_image(input_)) refuse<Tokens>("images");
    return {.output = {input_[1] * input_[2], input_[0]}};
  }

  Effect operator()(const Positions& /*positions*/) const {
    if (!is_sequence(input_)) {
      refuse<Positions>("sequences", "; put patches, tokens or rows before it");
    }
    return {.output = input_, .parameters = product_of(input_)};
  }

  Effect operator()(const Dropout& /*dropout*/) const {
    return {.output = input_};
  }

  template <Cell C>
  Effect operator()(const Recurrent<C>& rnn) const {
    using Layer = Recurrent<C>;
    if (!is_sequence(input_)) {
      refuse<Layer>("sequences", "; put rows before it");
    }
    const std::int64_t directions = rnn.bidirectional ? 2 : 1;
    const std::int64_t steps = input_.front();
    const bool all = rnn.output == Steps::all;
    Effect effect;
    for (std::int64_t layer = 0; layer < rnn.layers; ++layer) {
      const std::int64_t inputs = layer == 0 ? input_.back() : rnn.outputs();
      const std::int64_t weights =
          Layer::kGates * rnn.hidden * (inputs + rnn.hidden);
      effect.parameters +=
          directions * (weights + 2 * Layer::kGates * rnn.hidden);
      // The last step is the first one of the backward direction.
      const bool one_step = layer + 1 == rnn.layers && !all;
      const std::int64_t backward = one_step ? 1 : steps;
      effect.flops +=
          product(steps + (rnn.bidirectional ? backward : 0), weights);
    }
    effect.output = all ? Shape{steps, rnn.outputs()} : Shape{rnn.outputs()};
    return effect;
  }

  Effect operator()(const TransformerBlock& block) const {
    if (!is_sequence(input_)) {
      refuse<TransformerBlock>("sequences",
                               "; put patches, tokens or rows before it");
    }
    const std::int64_t tokens = input_.front(), width = input_.back();
    if (width % block.heads != 0) {
      fail<TransformerBlock>(fmt::format("{} heads do not divide {} features",
                                         block.heads, width));
    }
    const std::int64_t hidden = block.mlp_ratio * width;
    const std::int64_t weights = 4 * width * width + 2 * width * hidden;
    const std::int64_t biases = 4 * width + hidden + width;
    return {.output = input_,
            .parameters = weights + biases + 4 * width,
            .flops =
                product(tokens, weights) + 2 * product(tokens, tokens * width)};
  }

  Effect operator()(const Residual& residual) const {
    Effect inside =
        effect_of(residual.layers, input_, place_ + "." + Residual::kName);
    const Effect shortcut = effect_of(shortcut_of(residual, input_, place_),
                                      input_, place_ + ".shortcut");
    if (inside.output != shortcut.output) {
      fail<Residual>(
          fmt::format("the layers inside make {} and the shortcut "
                      "makes {}, which cannot be added",
                      text_of(inside.output), text_of(shortcut.output)));
    }
    inside.parameters += shortcut.parameters;
    inside.flops += shortcut.flops;
    return inside;
  }

 private:
  template <class L>
  [[noreturn]] void fail(const std::string& problem) const {
    throw LayerError(place_, L::kName, problem);
  }

  template <class L>
  [[noreturn]] void refuse(const char* taken, const char* advice = "") const {
    fail<L>(fmt::format("takes {}, and {} comes in{}", taken, text_of(input_),
                        advice));
  }

  /// A multiply-add counts as two.
  static double product(std::int64_t times, std::int64_t weights) {
    return 2.0 * static_cast<double>(times) * static_cast<double>(weights);
  }

  Shape with_features(std::int64_t features) const {
    Shape shape = input_;
    (is_image(shape) ? shape.front() : shape.back()) = features;
    return shape;
  }

  Effect norm() const {
    return {.output = input_, .parameters = 2 * features_of(input_)};
  }

  /// The shape of `features` at every place of the window.
  template <class L>
  Shape slide(const Window& window, std::int64_t features) const {
    if (is_vector(input_)) refuse<L>("images or sequences");
    Shape shape = with_features(features);
    const std::size_t first = is_image(shape) ? 1 : 0;
    const std::size_t last = is_image(shape) ? 2 : 0;
    for (std::size_t i = first; i <= last; ++i) {
      const std::int64_t side = shape[i] + 2 * window.padding;
      if (side < window.kernel) {
        fail<L>(
            fmt::format("kernel {} does not fit into {}{}", window.kernel,
                        text_of_positions(input_),
                        window.padding == 0
                            ? std::string()
                            : fmt::format(" with padding {}", window.padding)));
      }
      shape[i] = (side - window.kernel) / window.stride + 1;
    }
    return shape;
  }

  /// Every output reads `inputs` features of each position of the window.
  template <class L>
  Effect convolve(const Window& window, std::int64_t outputs,
                  std::int64_t inputs, bool bias) const {
    Shape output = slide<L>(window, outputs);
    const std::int64_t area =
        is_image(input_) ? window.kernel * window.kernel : window.kernel;
    const std::int64_t weights = outputs * inputs * area;
    const double flops = product(positions_of(output), weights);
    return {.output = std::move(output),
            .parameters = weights + (bias ? outputs : 0),
            .flops = flops};
  }

  const Shape& input_;
  const std::string& place_;
};

/// The stride with which windows of one position make `output` of `input`.
std::optional<std::int64_t> stride_between(const Shape& input,
                                           const Shape& output) {
  for (std::int64_t stride = 1; stride <= kKernels.high; ++stride) {
    const auto fits = [&](std::size_t i) {
      return (input[i] - 1) / stride + 1 == output[i];
    };
    if (is_image(input) ? fits(1) && fits(2) : fits(0)) return stride;
  }
  return std::nullopt;
}

}  // namespace

Effect effect_of(const Layer& layer, const Shape& input,
                 const std::string& place) {
  Effect effect = std::visit(Measure(input, place), layer.any);
  if (product_of(effect.output) > kMostValues ||
      effect.parameters > kMostParameters) {
    throw LayerError(
        place, name_of(layer),
        fmt::format("makes {} with {} parameters, which is too large",
                    to_text(effect.output), effect.parameters));
  }
  return effect;
}

Effect effect_of(const Layers& layers, const Shape& input,
                 const std::string& place) {
  Effect all{.output = input};
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Effect one =
        effect_of(layers[i], all.output, fmt::format("{}[{}]", place, i));
    all.output = one.output;
    all.parameters += one.parameters;
    all.flops += one.flops;
  }
  return all;
}

Layers shortcut_of(const Residual& residual, const Shape& input,
                   const std::string& place) {
  if (!residual.shortcut.empty()) return residual.shortcut;
  const Shape output =
      effect_of(residual.layers, input, place + "." + Residual::kName).output;
  if (output == input) return {};
  const auto refuse = [&] {
    throw LayerError(
        place, Residual::kName,
        fmt::format("the layers inside make {} of {}, and no projection does; "
                    "give shortcut: [LAYERS]",
                    text_of(output), text_of(input)));
  };
  if (output.size() != input.size()) refuse();
  const std::int64_t features = features_of(output);
  if (positions_of(output) == positions_of(input) && !is_image(input)) {
    return {Linear{.outputs = features, .bias = false}};
  }
  const std::optional<std::int64_t> stride = stride_between(input, output);
  if (!stride) refuse();
  return {
      Conv{.outputs = features, .kernel = 1, .stride = *stride, .bias = false}};
}

}  // namespace cape::zoo::layers
