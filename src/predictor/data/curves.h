/// The first losses of loss curves.
#pragma once

#include <cstddef>
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

/// Fills table.curve_slopes, the first validation losses of rows of early
/// stopping, and the first losses of rows whose trajectory ran as many steps,
/// from the shards' /curves/loss, where losses follow each other
/// step by step. The rows of the table from `first` on
/// are those of `merged`, in its order; CSV files have no curves.
void read_curves(const shard::MergedTable& merged, std::size_t first,
                 MetaTable& table);

}  // namespace cape::predictor
