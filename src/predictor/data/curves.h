/// The first losses of loss curves, which the LCE baseline needs.
#pragma once

#include <span>
#include <vector>

#include "predictor/data/meta_table.h"
#include "shard/merge.h"

namespace cape::predictor {

/// The number of losses L_0, L_1, ... that LCE uses. With
/// `train.record_at_least: 60` every curve is that long.
inline constexpr std::size_t kCurveLosses = 60;

/// The slope of log(L_t / L_0) over t = 0 ... kCurveLosses - 1, by least
/// squares. NaN for fewer losses, and for losses that are not positive and
/// finite.
float curve_slope(std::span<const float> losses);

/// Fills table.curve_slopes from the shards' /curves/loss. `rows` are those of
/// `merged`, in its order; CSV files have no curves.
void read_curve_slopes(const shard::MergedTable& merged,
                       std::span<const MetaRow> rows, MetaTable& table);

}  // namespace cape::predictor
