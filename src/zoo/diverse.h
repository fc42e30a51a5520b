/// Draws lists of layers from wide ranges, so that predictors can learn from
/// many kinds of networks. docs/configuration.md has the ranges.
#pragma once

#include <optional>
#include <vector>

#include "core/enum_names.h"
#include "core/random.h"
#include "zoo/architecture.h"

namespace cape::zoo {

/// Part of the keys of rows whose network was drawn. Raise it when the draws
/// change.
inline constexpr int kDiverseVersion = 1;

enum class Style { mlp, cnn, recurrent, transformer };

constexpr auto enum_names(Style) {
  using enum Style;
  return EnumNames{
      "style", std::to_array<EnumName<Style>>({{mlp, "mlp"},
                                               {cnn, "cnn"},
                                               {recurrent, "recurrent"},
                                               {transformer, "transformer"}})};
}

/// What networks are drawn from.
struct Diverse {
  std::optional<Style> style;   ///< empty: any that the samples allow
  std::vector<double> dropout;  ///< each as likely; empty: 0 (half), 0.1, 0.2

  bool operator==(const Diverse&) const = default;
};

/// The styles that networks for these samples and this head can have: for
/// vectors only MLPs, for outputs at every step all but MLPs.
std::vector<Style> styles_for(const Sample& sample, const Head& head);

/// A network as `wanted`, of any style of styles_for where that names none; for
/// tokens it begins with an embedding. Its name says style, size and norm:
/// "cnn_4x16_batch_1f3a9c". The same on every machine. Throws UserError for a
/// style that is none of styles_for.
Sequential sample_diverse(const Diverse& wanted, const Sample& sample,
                          const Head& head, Random& random);

}  // namespace cape::zoo
