/// What can be said of a network without building it, for predictors: of a
/// description alone, and only what that says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "zoo/architecture.h"

namespace cape::zoo {

/// Which alternative of Architecture a network is of. Not for files: it changes
/// with the list.
using KindNumber = std::uint8_t;

/// Of a network that this zoo does not have.
inline constexpr KindNumber kNoKind = 255;

template <class A, class... Others>
constexpr KindNumber position_of(std::type_identity<std::variant<Others...>>) {
  KindNumber position = 0;
  const bool found =
      ((std::is_same_v<A, Others> || (++position, false)) || ...);
  return found ? position : kNoKind;
}

/// kKindOf<VggLite>.
template <class A>
inline constexpr KindNumber kKindOf =
    position_of<A>(std::type_identity<Architecture>());

struct Facts {
  KindNumber kind = kNoKind;
  /// Hidden layers, blocks, convolutions or recurrent layers; NaN: not known.
  float depth = std::numeric_limits<float>::quiet_NaN();
  /// Units of a hidden layer, channels of the first convolution, numbers of a
  /// token; NaN: not known.
  float width = std::numeric_limits<float>::quiet_NaN();
  bool pool = false;           ///< max-pooling between stages
  bool bidirectional = false;  ///< recurrent networks
};

Facts facts(const Architecture& architecture);

/// Of a row's architecture_json: a text that describe() gave, or one of the
/// published CSV files. Depth and width are not known where the key is absent
/// that says them. A text that describes no network of this zoo, a newer
/// program's say, has the facts of no kind.
Facts facts_from(std::string_view architecture_json);

/// The greatest rate of dropout that a row's architecture_json gives; 0 where
/// it gives none; NaN where it does not say how the network is built.
double dropout_rate(std::string_view architecture_json);

/// The kind of a network in the sense that networks of other kinds are built
/// differently, for a model that is judged on kinds that it has not seen: of a
/// row's architecture_json. "mlp, batch_norm", "cnn, residual, group_norm". A
/// network in a file is of the kind of its content: "torchscript, xxh-1f3a...".
std::string network_kind(std::string_view architecture_json);

/// The kinds that are left out together have the same group: those of files
/// with the same name before two hyphens ("torchscript, mixer" of
/// "mixer--small.pt"), since one of them says much about another. Each other
/// kind is a group of its own.
std::string network_group(std::string_view architecture_json);

/// Our name for the kind of network that the published CSV files call so
/// ("ViT-Tiny-32/4"); empty for another.
std::string_view kind_published_as(std::string_view name);

}  // namespace cape::zoo
