#pragma once

#include <array>
#include <cstdint>

namespace cape::zoo {

/// Convolutional networks on images of 3 x 32 x 32: 3x3 convolutions without
/// bias, each with BatchNorm, with PyTorch's default initialization; global
/// average pool, dropout, linear head. The published networks for grey data
/// sets are half as wide.

/// The strides of the three stages of VggLite and ResnetMini.
inline constexpr std::array<std::int64_t, 3> kStageStrides = {1, 2, 2};

/// Plain stages of base, 2 base and 4 base channels with strides 1, 2, 2 and
/// ReLU.
struct VggLite {
  std::int64_t base = 64;
  std::array<std::int64_t, 3> convolutions = {1, 1, 1};  ///< by stage
  bool pool = false;  ///< 2x2 max-pool after the first two stages
  double dropout = 0;

  bool operator==(const VggLite&) const = default;
};

/// A 3x3 stem and stages of basic post-activation blocks with ReLU. Channels
/// and strides are those of VggLite. Where the shape changes there is a 1x1
/// projection with BatchNorm.
struct ResnetMini {
  std::int64_t base = 64;
  std::int64_t blocks = 1;  ///< of each stage
  double dropout = 0;

  bool operator==(const ResnetMini&) const = default;
};

/// Inverted residuals with ReLU6. Rows of (expansion, channels, blocks,
/// stride): (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, blocks, 2), (6, 64, blocks,
/// 2). Every number of channels, also that of the stem, is max(8, int(channels
/// x width)).
struct MobilenetMini {
  double width = 0.5;
  std::int64_t stem = 32;
  std::int64_t blocks = 3;
  double dropout = 0;

  bool operator==(const MobilenetMini&) const = default;
};

/// The number of channels that a MobilenetMini of this width has.
std::int64_t scaled_channels(const MobilenetMini& network,
                             std::int64_t channels);

/// One row of MobilenetMini's table.
struct InvertedResidualRow {
  std::int64_t expansion, channels, blocks, stride;
};

std::array<InvertedResidualRow, 4> rows_of(const MobilenetMini& network);

}  // namespace cape::zoo
