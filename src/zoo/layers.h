/// The layers of a network that is given as a list of layers (sequential.h):
/// plain descriptions that know their form in a configuration, the shape that
/// they make of another, their parameters and their FLOPs. src/models builds
/// them.
///
/// A new layer is a struct here, an alternative of the variant below, and what
/// the compiler then asks for: its shape and size in layer_effects.cpp, its
/// module in src/models/sequential.cpp, and its stock module in
/// tests/plain/sequential.cpp.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/enum_names.h"
#include "core/error.h"

namespace cape::zoo::layers {

/// The shape of one sample between two layers: D (a vector), T x D (steps or
/// tokens), C x H x W (an image, or maps made of one). "Features" are D, D and
/// C.
using Shape = std::vector<std::int64_t>;

/// "16 x 5 x 5".
std::string to_text(const Shape& shape);

/// What is wrong with one layer. The message begins with its place and name:
/// "layers[3].residual[1] conv: kernel 5 does not fit into 3 x 3".
class LayerError : public UserError {
 public:
  /// `name` is empty where it is not known.
  LayerError(const std::string& place, const std::string& name,
             const std::string& what)
      : UserError(place + (name.empty() ? "" : " " + name) + ": " + what),
        place(place),
        problem((name.empty() ? "" : name + ": ") + what) {}

  std::string place;    ///< "layers[3].residual[1]"
  std::string problem;  ///< the message without it
};

/// The values that a key may have.
struct Bounds {
  double low = 0;
  double high = 0;
};

inline constexpr Bounds kWidths = {1, 65536};
inline constexpr Bounds kKernels = {1, 128};
inline constexpr Bounds kPaddings = {0, 64};

// Each layer has `kName`, the word for it in a configuration, and `visit_keys`,
// which names each key with its value and bounds. A layer whose first key is
// its name needs a value: {conv: 16}.

/// Features -> `outputs`, of a vector, or of each step.
struct Linear {
  static constexpr const char* kName = "linear";
  std::int64_t outputs = 0;
  bool bias = true;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.outputs, kWidths);
    visit("bias", self.bias);
  }
  bool operator==(const Linear&) const = default;
};

/// A convolution of an image, or of a sequence over its steps.
struct Conv {
  static constexpr const char* kName = "conv";
  std::int64_t outputs = 0;
  std::int64_t kernel = 3;  ///< side of a square, or steps
  std::int64_t stride = 1;
  std::int64_t padding = 0;  ///< with zeros, on each side
  std::int64_t groups = 1;
  bool bias = true;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.outputs, kWidths);
    visit("kernel", self.kernel, kKernels);
    visit("stride", self.stride, kKernels);
    visit("padding", self.padding, kPaddings);
    visit("groups", self.groups, kWidths);
    visit("bias", self.bias);
  }
  bool operator==(const Conv&) const = default;
};

/// A convolution that gives each feature a filter of its own.
struct Depthwise {
  static constexpr const char* kName = "depthwise";
  std::int64_t kernel = 0;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  bool bias = true;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.kernel, kKernels);
    visit("stride", self.stride, kKernels);
    visit("padding", self.padding, kPaddings);
    visit("bias", self.bias);
  }
  bool operator==(const Depthwise&) const = default;
};

/// An image -> tokens: each square of `size` x `size` pixels becomes a token of
/// `outputs` features.
struct Patches {
  static constexpr const char* kName = "patches";
  std::int64_t outputs = 0;
  std::int64_t size = 4;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.outputs, kWidths);
    visit("size", self.size, kKernels);
  }
  bool operator==(const Patches&) const = default;
};

/// Layers that have no keys.
template <class Derived>
struct Plain {
  template <class Self, class Visit>
  static void visit_keys(Self& /*self*/, Visit /*visit*/) {}
};

/// The first layer of a network for tokens: T tokens -> T x `outputs`, each
/// token a learnt vector of its own. The data set says how many tokens there
/// are.
struct Embedding {
  static constexpr const char* kName = "embedding";
  std::int64_t outputs = 0;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.outputs, kWidths);
  }
  bool operator==(const Embedding&) const = default;
};

/// Standardises each feature over the samples of the batch and all positions.
struct BatchNorm : Plain<BatchNorm> {
  static constexpr const char* kName = "batch_norm";
  bool operator==(const BatchNorm&) const { return true; }
};

/// Standardises the features of each position.
struct LayerNorm : Plain<LayerNorm> {
  static constexpr const char* kName = "layer_norm";
  bool operator==(const LayerNorm&) const { return true; }
};

/// Standardises each of `groups` groups of features over all positions of a
/// sample.
struct GroupNorm {
  static constexpr const char* kName = "group_norm";
  std::int64_t groups = 0;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.groups, kWidths);
  }
  bool operator==(const GroupNorm&) const = default;
};

enum class Function { relu, gelu, tanh, silu };

constexpr auto enum_names(Function) {
  using enum Function;
  return EnumNames{
      "activation",
      std::to_array<EnumName<Function>>(
          {{relu, "relu"}, {gelu, "gelu"}, {tanh, "tanh"}, {silu, "silu"}})};
}

/// An activation. GELU is the exact one.
template <Function F>
struct Activate : Plain<Activate<F>> {
  static constexpr const char* kName = to_string(F);
  bool operator==(const Activate&) const { return true; }
};

using Relu = Activate<Function::relu>;
using Gelu = Activate<Function::gelu>;
using Tanh = Activate<Function::tanh>;
using Silu = Activate<Function::silu>;

enum class Pooling { max, average };

/// The maximum or mean of windows of an image, or of steps.
template <Pooling P>
struct Pool {
  static constexpr const char* kName =
      P == Pooling::max ? "max_pool" : "avg_pool";
  std::int64_t kernel = 0;
  std::int64_t stride = 0;  ///< 0: the kernel
  std::int64_t padding = 0;

  std::int64_t step() const { return stride == 0 ? kernel : stride; }

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.kernel, kKernels);
    visit("stride", self.stride, kKernels);
    visit("padding", self.padding, kPaddings);
  }
  bool operator==(const Pool&) const = default;
};

using MaxPool = Pool<Pooling::max>;
using AvgPool = Pool<Pooling::average>;

/// The mean over all positions of an image, all steps or all tokens: a vector.
struct GlobalPool : Plain<GlobalPool> {
  static constexpr const char* kName = "global_pool";
  bool operator==(const GlobalPool&) const { return true; }
};

/// All numbers of a sample as a vector.
struct Flatten : Plain<Flatten> {
  static constexpr const char* kName = "flatten";
  bool operator==(const Flatten&) const { return true; }
};

/// An image -> a sequence whose step t is row t of all channels: H x (C W).
struct Rows : Plain<Rows> {
  static constexpr const char* kName = "rows";
  bool operator==(const Rows&) const { return true; }
};

/// Maps -> a sequence of their positions: (H W) x C.
struct Tokens : Plain<Tokens> {
  static constexpr const char* kName = "tokens";
  bool operator==(const Tokens&) const { return true; }
};

/// Adds a learnt vector to each step or token.
struct Positions : Plain<Positions> {
  static constexpr const char* kName = "positions";
  bool operator==(const Positions&) const { return true; }
};

struct Dropout {
  static constexpr const char* kName = "dropout";
  double rate = 0;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.rate, Bounds{0, 0.95});
  }
  bool operator==(const Dropout&) const = default;
};

enum class Cell { lstm, gru, rnn };

constexpr auto enum_names(Cell) {
  using enum Cell;
  return EnumNames{"cell", std::to_array<EnumName<Cell>>(
                               {{lstm, "lstm"}, {gru, "gru"}, {rnn, "rnn"}})};
}

/// What a recurrent layer hands on.
enum class Steps { last, all };

constexpr auto enum_names(Steps) {
  using enum Steps;
  return EnumNames{
      "output", std::to_array<EnumName<Steps>>({{last, "last"}, {all, "all"}})};
}

/// PyTorch's LSTM, GRU, or RNN with tanh, each with both bias vectors. Of two
/// directions the outputs are joined. The output at the last step is one where
/// the backward direction has taken a single step.
template <Cell C>
struct Recurrent {
  static constexpr Cell kCell = C;
  static constexpr const char* kName = to_string(C);
  static constexpr std::int64_t kGates = C == Cell::lstm  ? 4
                                         : C == Cell::gru ? 3
                                                          : 1;
  std::int64_t hidden = 0;
  std::int64_t layers = 1;
  bool bidirectional = false;
  Steps output = Steps::last;

  std::int64_t outputs() const { return hidden * (bidirectional ? 2 : 1); }

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.hidden, kWidths);
    visit("layers", self.layers, Bounds{1, 64});
    visit("bidirectional", self.bidirectional);
    visit("output", self.output);
  }
  bool operator==(const Recurrent&) const = default;
};

using Lstm = Recurrent<Cell::lstm>;
using Gru = Recurrent<Cell::gru>;
using Rnn = Recurrent<Cell::rnn>;

/// Where the norms of a Transformer block are: before each of its two parts, or
/// after each sum.
enum class NormPlace { pre, post };

constexpr auto enum_names(NormPlace) {
  using enum NormPlace;
  return EnumNames{"norm", std::to_array<EnumName<NormPlace>>(
                               {{pre, "pre"}, {post, "post"}})};
}

/// Self-attention of tokens, and an MLP of one hidden layer of `mlp_ratio`
/// times the features with GELU; each is added to its input, after dropout.
struct TransformerBlock {
  static constexpr const char* kName = "transformer_block";
  std::int64_t heads = 0;
  std::int64_t mlp_ratio = 2;
  NormPlace norm = NormPlace::pre;
  double dropout = 0;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.heads, Bounds{1, 64});
    visit("mlp_ratio", self.mlp_ratio, Bounds{1, 16});
    visit("norm", self.norm);
    visit("dropout", self.dropout, Bounds{0, 0.95});
  }
  bool operator==(const TransformerBlock&) const = default;
};

struct Layer;
using Layers = std::vector<Layer>;

/// The layers inside, added to what `shortcut` makes of the input. Without a
/// shortcut that is the input itself, or, where the shape changes, a linear
/// projection of it: see shortcut_of.
struct Residual {
  static constexpr const char* kName = "residual";
  Layers layers;
  Layers shortcut;

  template <class Self, class Visit>
  static void visit_keys(Self& self, Visit visit) {
    visit(kName, self.layers);
    visit("shortcut", self.shortcut);
  }
  bool operator==(const Residual& other) const;
};

using AnyLayer =
    std::variant<Linear, Conv, Depthwise, Patches, Embedding, BatchNorm,
                 LayerNorm, GroupNorm, Relu, Gelu, Tanh, Silu, MaxPool, AvgPool,
                 GlobalPool, Flatten, Rows, Tokens, Positions, Dropout, Lstm,
                 Gru, Rnn, TransformerBlock, Residual>;

struct Layer {
  AnyLayer any;

  template <class L>
  requires std::is_constructible_v<AnyLayer, L> Layer(L layer)
      : any(std::move(layer)) {}  // NOLINT: a layer is a Layer

  bool operator==(const Layer&) const = default;
};

/// "conv".
const char* name_of(const Layer& layer);

/// The names of all layers, in the order of the variant.
const std::vector<std::string>& layer_names();

/// A word ("tanh") or a map of the keys that are not at their defaults
/// ({"conv": 6, "kernel": 5}).
nlohmann::json to_json(const Layer& layer);
nlohmann::json to_json(const Layers& layers);

/// The inverse of to_json. `place` is what messages call the list. Throws
/// LayerError for an unknown layer or key (with the nearest word), a value of
/// the wrong type and one out of range.
Layers layers_from(const nlohmann::json& list, const std::string& place);

/// What a layer makes of a sample, and its size.
struct Effect {
  Shape output;
  std::int64_t parameters = 0;
  double flops = 0;  ///< of the matrix products of one sample's forward pass
};

/// Throws LayerError, naming `place`, where the layer takes no such input.
Effect effect_of(const Layer& layer, const Shape& input,
                 const std::string& place = "layer");

/// Of layers one after the other. Element i is called "<place>[i]".
Effect effect_of(const Layers& layers, const Shape& input,
                 const std::string& place = "layers");

/// The layers of the branch that `residual` adds to its own: none where the
/// input is added as it is. A projection is a linear layer without bias, or a
/// convolution without bias whose kernel is 1. Throws LayerError where no such
/// projection has the shape.
Layers shortcut_of(const Residual& residual, const Shape& input,
                   const std::string& place = "residual");

}  // namespace cape::zoo::layers
