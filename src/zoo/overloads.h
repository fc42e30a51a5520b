/// The functions that each architecture's own file defines; architecture.h
/// dispatches to them. Private to src/zoo.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "zoo/architecture.h"

namespace cape::zoo {

using Shape = std::vector<std::int64_t>;

/// The samples and heads that a kind of network accepts.
struct Accepts {
  bool vectors = false;    ///< [D]
  bool sequences = false;  ///< [T, D]
  bool steps = false;      ///< [T, D] with outputs for every step
  bool images = true;      ///< [C, H, W]
  bool tokens = false;     ///< [T] as they are, as whole numbers
  /// Of tokens [T] that become sequences [T, embedding]; 0: there is none.
  std::int64_t embedding = 0;
  bool numbers = true;  ///< not only tokens
};

/// What is the same for all architectures of a kind.
struct Kind {
  const char* family;
  const char* name;
  InputForm input;
  Accepts accepts;
  int revision = 0;  ///< corrections that changed its rows, see revision()
};

/// The size of a network for samples of a given shape.
struct Size {
  std::int64_t parameters = 0;
  double flops = 0;  ///< of one sample's forward pass, see forward_flops
};

/// A number that says something of a network.
struct Fact {
  const char* key;  ///< of the description, that says it; empty: none does
  float value;      ///< NaN: it is not known

  /// Both are always given: a fact that is forgotten does not compile.
  template <class Number>
  Fact(const char* key, Number value)
      : key(key), value(static_cast<float>(value)) {}
};

/// What a predictor looks at: facts.h says what each is.
struct OwnFacts {
  const char* published;  ///< its kind in the published CSV files; empty: none
  Fact depth;
  Fact width;
  bool pool = false;
  bool bidirectional = false;
};

/// One of each kind, with its defaults: what there is follows the variant.
const std::vector<Architecture>& prototypes();

/// "vgg_lite".
const char* kind_name(const Architecture& architecture);

Kind kind_of(const Mlp&);
std::string name_of(const Mlp& mlp);
Size size_of(const Mlp& mlp, const Shape& input, const Head& head);
void check(const Mlp& mlp);
OwnFacts facts_of(const Mlp& mlp);

Kind kind_of(const VggLite&);
std::string name_of(const VggLite& vgg);
Size size_of(const VggLite& vgg, const Shape& input, const Head& head);
void check(const VggLite& vgg);
OwnFacts facts_of(const VggLite& vgg);

Kind kind_of(const ResnetMini&);
std::string name_of(const ResnetMini& resnet);
Size size_of(const ResnetMini& resnet, const Shape& input, const Head& head);
void check(const ResnetMini& resnet);
OwnFacts facts_of(const ResnetMini& resnet);

Kind kind_of(const MobilenetMini&);
std::string name_of(const MobilenetMini& network);
Size size_of(const MobilenetMini& network, const Shape& input,
             const Head& head);
void check(const MobilenetMini& network);
OwnFacts facts_of(const MobilenetMini& network);

template <int Gates>
Kind kind_of(const Recurrent<Gates>&);
template <int Gates>
std::string name_of(const Recurrent<Gates>& rnn);
template <int Gates>
Size size_of(const Recurrent<Gates>& rnn, const Shape& input, const Head& head);
template <int Gates>
void check(const Recurrent<Gates>& rnn);
template <int Gates>
OwnFacts facts_of(const Recurrent<Gates>& rnn);

Kind kind_of(const Vit&);
std::string name_of(const Vit& vit);
Size size_of(const Vit& vit, const Shape& input, const Head& head);
void check(const Vit& vit);
OwnFacts facts_of(const Vit& vit);

Kind kind_of(const Cct&);
std::string name_of(const Cct& cct);
Size size_of(const Cct& cct, const Shape& input, const Head& head);
void check(const Cct& cct);
OwnFacts facts_of(const Cct& cct);

Kind kind_of(const Pit&);
std::string name_of(const Pit& pit);
Size size_of(const Pit& pit, const Shape& input, const Head& head);
void check(const Pit& pit);
OwnFacts facts_of(const Pit& pit);

Kind kind_of(const TorchScript&);
std::string name_of(const TorchScript& network);
Size size_of(const TorchScript& network, const Shape& input, const Head& head);
void check(const TorchScript& network);
OwnFacts facts_of(const TorchScript& network);

Kind kind_of(const Sequential&);
std::string name_of(const Sequential& network);
Size size_of(const Sequential& network, const Shape& input, const Head& head);
void check(const Sequential& network);
OwnFacts facts_of(const Sequential& network);

/// Why a network of a kind that accepts samples of this dimension cannot be
/// built for this one; empty if it can.
std::string mismatch_of(const Sequential& network, const Shape& input,
                        const Head& head);
template <class Other>
std::string mismatch_of(const Other& /*network*/, const Shape& /*input*/,
                        const Head& /*head*/) {
  return {};
}

/// Throws UserError unless lowest <= value <= highest.
void check_range(const char* kind, const char* key, double value, double lowest,
                 double highest);

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Mlp, layers, width, batch_norm, activation,
                                   dropout)
/// `convolutions` as a text, "2-1-1", since a list in a configuration stands
/// for alternatives.
void to_json(nlohmann::json& json, const VggLite& vgg);
void from_json(const nlohmann::json& json, VggLite& vgg);
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ResnetMini, base, blocks, dropout)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MobilenetMini, width, stem, blocks, dropout)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Lstm, layers, hidden, bidirectional)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Gru, layers, hidden, bidirectional)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Vit, patch, width, depth, heads, mlp_ratio)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Cct, width, depth, heads, mlp_ratio)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Pit, patch, width, depth, heads, mlp_ratio)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TorchScript, file, fingerprint, bytes,
                                   revision)
void to_json(nlohmann::json& json, const Sequential& network);
void from_json(const nlohmann::json& json, Sequential& network);

}  // namespace cape::zoo
