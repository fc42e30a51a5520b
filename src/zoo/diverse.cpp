#include "zoo/diverse.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "zoo/facts.h"

namespace cape::zoo {
namespace {

using layers::Layer;
using layers::Layers;
using layers::Shape;

// A training step takes some 20 ms on a core at 64 samples of this many
// operations. Networks above are drawn again, this often at most.
constexpr double kMostFlops = 4e6;
constexpr int kMostDraws = 32;

// Of the tokens of a Transformer on images.
constexpr std::int64_t kFewestTokens = 4;
constexpr std::int64_t kMostTokens = 64;

enum class Norm { none, batch, layer, group };

constexpr auto enum_names(Norm) {
  using enum Norm;
  return EnumNames{"norm", std::to_array<EnumName<Norm>>({{none, "none"},
                                                          {batch, "batch"},
                                                          {layer, "layer"},
                                                          {group, "group"}})};
}

/// Draws one network.
class Draft {
 public:
  Draft(const Diverse& wanted, const Sample& sample, const Head& head,
        Random& random)
      : sample_(sample.shape),
        tokens_(sample.vocabulary > 0),
        per_step_(head.per_step),
        random_(random),
        activation_(choose({layers::Function::relu, layers::Function::gelu,
                            layers::Function::tanh, layers::Function::silu})),
        dropout_(choose({0.0, 0.0, 0.1, 0.2})) {
    // The first draw stays, so that networks of both kinds differ in nothing
    // else.
    if (!wanted.dropout.empty()) {
      dropout_ = random_.choose(std::span<const double>(wanted.dropout));
    }
    network_.initialization = choose(
        {Initialization::torch, Initialization::torch, Initialization::xavier,
         Initialization::kaiming, Initialization::orthogonal});
  }

  Sequential draw(Style style) {
    switch (style) {
      case Style::mlp:
        draw_mlp();
        break;
      case Style::cnn:
        draw_cnn();
        break;
      case Style::recurrent:
        draw_recurrent();
        break;
      case Style::transformer:
        draw_transformer();
        break;
    }
    // sample_diverse adds the rest, once it has decided for a network.
    network_.name = fmt::format("{}_{}", to_string(style), to_string(norm_));
    return network_;
  }

 private:
  template <class T>
  T choose(std::initializer_list<T> options) {
    return random_.choose(std::span<const T>(options.begin(), options.size()));
  }

  bool happens(double probability) { return random_.uniform() < probability; }

  void add(Layer layer) { network_.layers.push_back(std::move(layer)); }

  /// The first layer of a network for tokens; what follows is given a sequence.
  void embed(std::int64_t width) {
    add(layers::Embedding{width});
    sample_ = {sample_.front(), width};
  }

  Layer activation() const {
    switch (activation_) {
      case layers::Function::relu:
        return layers::Relu{};
      case layers::Function::gelu:
        return layers::Gelu{};
      case layers::Function::tanh:
        return layers::Tanh{};
      case layers::Function::silu:
        break;
    }
    return layers::Silu{};
  }

  /// `layer`, the norm of this network, and the activation.
  void add_normed(Layers& list, Layer layer) const {
    list.push_back(std::move(layer));
    if (norm_ == Norm::batch) list.emplace_back(layers::BatchNorm{});
    if (norm_ == Norm::layer) list.emplace_back(layers::LayerNorm{});
    // All widths of networks with such norms are multiples of four.
    if (norm_ == Norm::group) list.emplace_back(layers::GroupNorm{4});
    list.push_back(activation());
  }

  void add_dropout(Layers& list) const {
    if (dropout_ > 0) list.emplace_back(layers::Dropout{dropout_});
  }

  /// None or one hidden layer between a vector and the output layer.
  void add_hidden_layer(double probability) {
    if (!happens(probability)) return;
    add(layers::Linear{choose<std::int64_t>({32, 64, 128})});
    add(activation());
  }

  void draw_mlp() {
    norm_ = choose({Norm::none, Norm::none, Norm::batch, Norm::layer});
    const auto depth = choose<std::int64_t>({1, 2, 2, 3, 3, 4, 5, 6});
    auto width =
        choose<std::int64_t>({32, 48, 64, 96, 128, 192, 256, 384, 512});
    const bool residual = happens(0.25);
    const bool tapered = happens(0.3) && !residual;
    if (tokens_) embed(choose<std::int64_t>({8, 16, 32, 64}));
    if (tokens_ && happens(0.5)) {
      add(layers::GlobalPool{});
    } else if (sample_.size() > 1) {
      add(layers::Flatten{});
    }
    for (std::int64_t i = 0; i < depth; ++i) {
      Layers block;
      add_normed(block, layers::Linear{width});
      add_dropout(block);
      if (residual && i > 0) {
        add(layers::Residual{.layers = std::move(block), .shortcut = {}});
      } else {
        for (Layer& layer : block) add(std::move(layer));
      }
      if (tapered) width = std::max<std::int64_t>(width / 2, 16);
    }
  }

  void draw_cnn() {
    norm_ = choose(
        {Norm::none, Norm::batch, Norm::batch, Norm::layer, Norm::group});
    const bool image = sample_.size() == 3;
    const auto stages = choose<std::int64_t>({1, 2, 2, 3, 3});
    const auto convolutions = choose<std::int64_t>({1, 1, 2});  // of a stage
    auto channels = image ? choose<std::int64_t>({4, 8, 12, 16, 24, 32})
                          : choose<std::int64_t>({16, 24, 32, 48, 64});
    const bool widens = happens(0.7);
    const auto kernel = choose<std::int64_t>({3, 3, 5});
    const bool separable = happens(0.15);
    const bool residual = happens(0.3);
    enum class Down { max, average, stride };
    const Down down = choose({Down::max, Down::average, Down::stride});
    const bool bias = norm_ == Norm::none;
    if (tokens_) embed(choose<std::int64_t>({16, 32, 64}));
    Shape shape = sample_;
    for (std::int64_t stage = 0; stage < stages; ++stage) {
      const bool halves = !per_step_ && shortest_side(shape) >= 4;
      for (std::int64_t i = 0; i < convolutions; ++i) {
        const std::int64_t stride =
            halves && down == Down::stride && i == 0 ? 2 : 1;
        Layers block;
        if (separable && !(stage == 0 && i == 0)) {
          block.emplace_back(layers::Depthwise{.kernel = kernel,
                                               .stride = stride,
                                               .padding = kernel / 2,
                                               .bias = false});
          add_normed(
              block,
              layers::Conv{.outputs = channels, .kernel = 1, .bias = bias});
        } else {
          add_normed(block, layers::Conv{.outputs = channels,
                                         .kernel = kernel,
                                         .stride = stride,
                                         .padding = kernel / 2,
                                         .bias = bias});
        }
        for (Layer& layer : block) add(std::move(layer));
      }
      if (residual) {
        Layers block;
        add_normed(
            block,
            layers::Conv{
                .outputs = channels, .kernel = 3, .padding = 1, .bias = bias});
        add(layers::Residual{.layers = std::move(block), .shortcut = {}});
      }
      if (halves && down == Down::max) add(layers::MaxPool{.kernel = 2});
      if (halves && down == Down::average) add(layers::AvgPool{.kernel = 2});
      shape = layers::effect_of(network_.layers, sample_).output;
      if (widens) channels *= 2;
    }
    if (per_step_) return;
    if (happens(0.5)) {
      add(layers::GlobalPool{});
      add_dropout(network_.layers);
      return;
    }
    add(layers::Flatten{});
    add_dropout(network_.layers);
    add_hidden_layer(0.7);
  }

  static std::int64_t shortest_side(const Shape& shape) {
    return shape.size() == 3 ? std::min(shape[1], shape[2]) : shape.front();
  }

  void draw_recurrent() {
    norm_ = choose({Norm::none, Norm::none, Norm::layer});
    if (sample_.size() == 3) add(layers::Rows{});
    const auto hidden = choose<std::int64_t>({16, 24, 32, 48, 64, 96, 128});
    if (tokens_) embed(choose<std::int64_t>({16, 32, 64, 128}));
    if (happens(0.25)) {  // features of each step
      add_normed(network_.layers, layers::Linear{hidden});
    }
    const auto cell =
        choose({layers::Cell::lstm, layers::Cell::lstm, layers::Cell::gru,
                layers::Cell::gru, layers::Cell::rnn});
    const auto depth = choose<std::int64_t>({1, 1, 2});
    const bool bidirectional = happens(0.4);
    const bool all = happens(0.35) || per_step_;
    const auto add_cell = [&]<layers::Cell C>(layers::Recurrent<C> rnn) {
      rnn.hidden = hidden;
      rnn.layers = depth;
      rnn.bidirectional = bidirectional;
      rnn.output = all ? layers::Steps::all : layers::Steps::last;
      add(rnn);
    };
    if (cell == layers::Cell::lstm) add_cell(layers::Lstm{});
    if (cell == layers::Cell::gru) add_cell(layers::Gru{});
    if (cell == layers::Cell::rnn) add_cell(layers::Rnn{});
    if (all && !per_step_) add(layers::GlobalPool{});
    if (norm_ == Norm::layer) add(layers::LayerNorm{});
    add_dropout(network_.layers);
    add_hidden_layer(0.3);
  }

  /// The sides of squares that divide the image into a suitable number of
  /// patches.
  std::vector<std::int64_t> patch_sizes() const {
    std::vector<std::int64_t> sizes;
    for (std::int64_t size = 2; size <= 32; ++size) {
      if (sample_[1] % size != 0 || sample_[2] % size != 0) continue;
      const std::int64_t tokens = (sample_[1] / size) * (sample_[2] / size);
      if (tokens >= kFewestTokens && tokens <= kMostTokens) {
        sizes.push_back(size);
      }
    }
    return sizes;
  }

  void draw_transformer() {
    const bool pre = happens(0.7);
    norm_ = Norm::layer;
    const auto width = choose<std::int64_t>({16, 32, 48, 64, 96});
    const auto heads = choose<std::int64_t>({1, 2, 4});
    const auto depth = choose<std::int64_t>({1, 2, 3, 4});
    const auto mlp_ratio = choose<std::int64_t>({1, 2, 2, 4});
    const bool positions = happens(0.9);
    const bool by_rows = happens(0.2);
    if (tokens_) {
      embed(width);
    } else if (sample_.size() == 3) {
      const std::vector<std::int64_t> sizes = patch_sizes();
      if (by_rows || sizes.empty()) {
        add(layers::Rows{});
        add(layers::Linear{width});
      } else {
        const auto size = random_.choose(std::span<const std::int64_t>(sizes));
        add(layers::Patches{.outputs = width, .size = size});
      }
    } else {
      add(layers::Linear{width});
    }
    if (positions) add(layers::Positions{});
    for (std::int64_t i = 0; i < depth; ++i) {
      add(layers::TransformerBlock{
          .heads = heads,
          .mlp_ratio = mlp_ratio,
          .norm = pre ? layers::NormPlace::pre : layers::NormPlace::post,
          .dropout = dropout_});
    }
    if (pre) add(layers::LayerNorm{});
    if (per_step_) return;
    add(layers::GlobalPool{});
    add_hidden_layer(0.2);
  }

  Shape sample_;  ///< what the next layer is given: embed() changes it
  const bool tokens_;
  const bool per_step_;
  Random& random_;
  const layers::Function activation_;
  double dropout_;
  Norm norm_ = Norm::none;
  Sequential network_;
};

}  // namespace

std::vector<Style> styles_for(const Sample& sample, const Head& head) {
  if (sample.shape.size() == 1 && sample.vocabulary == 0) return {Style::mlp};
  if (head.per_step) return {Style::cnn, Style::recurrent, Style::transformer};
  return {Style::mlp, Style::cnn, Style::recurrent, Style::transformer};
}

Sequential sample_diverse(const Diverse& wanted, const Sample& sample,
                          const Head& head, Random& random) {
  const std::vector<Style> all = styles_for(sample, head);
  if (wanted.style && std::ranges::find(all, *wanted.style) == all.end()) {
    fail_user("no networks of style {} for such samples ({}{})",
              to_string(*wanted.style), layers::to_text(sample.shape),
              head.per_step ? ", outputs at every step" : "");
  }
  const Style drawn =
      wanted.style ? *wanted.style : random.choose(std::span<const Style>(all));
  // For large samples every network can be above; then the smallest is taken.
  std::optional<Sequential> smallest;
  double fewest = 0;
  for (int draw = 0; draw < kMostDraws; ++draw) {
    Sequential network = Draft(wanted, sample, head, random).draw(drawn);
    const double flops = forward_flops(network, sample, head);
    if (smallest && flops >= fewest) continue;
    smallest = std::move(network);
    fewest = flops;
    if (flops <= kMostFlops) break;
  }
  const Facts known = facts(*smallest);
  const std::string hash = content_hash(identity(*smallest).dump());
  const std::size_t end_of_style = smallest->name.find('_');
  smallest->name.insert(end_of_style,
                        fmt::format("_{}x{}", known.depth, known.width));
  smallest->name += "_" + hash.substr(0, 6);
  return *std::move(smallest);
}

}  // namespace cape::zoo
