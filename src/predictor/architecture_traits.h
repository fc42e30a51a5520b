/// What the predictor reads from an architecture's description.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace cape {

enum class ArchitectureKind : std::uint8_t {
  other,
  vgg_lite,
  resnet_mini,
  mobilenet,
  lstm,
  gru,
  cct,
  vit,
  pit
};

struct ArchitectureTraits {
  ArchitectureKind kind = ArchitectureKind::other;
  /// Hidden layers, blocks, convolutions or recurrent layers; NaN: unknown.
  float depth = std::numeric_limits<float>::quiet_NaN();
  /// Units of a hidden layer, channels of the first convolution, or numbers of
  /// a token; NaN: unknown.
  float width = std::numeric_limits<float>::quiet_NaN();
  bool pool = false;           ///< VGG-lite with max-pooling
  bool bidirectional = false;  ///< recurrent networks
};

/// Reads a row's architecture_json, in our form (docs/shard_format.md) or in
/// that of the published CSV files. What it does not say has its default.
ArchitectureTraits traits_of(std::string_view architecture_json);

}  // namespace cape
