/// The linear calibration in epochs that the paper gives every method.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "predictor/folds.h"
#include "predictor/meta_table.h"

namespace cape {

/// Of the trajectories: their rows calibrate and are not scored.
inline constexpr double kCalibrationPart = 0.1;

/// For each family (and each part of `scheme`, where a part is what was left
/// out) the least-squares line from predicted to measured epochs, which are
/// steps / ceil(N / B), is fitted on a random tenth of the trajectories and put
/// on the other rows' predictions. Steps, in [1, cap]; NaN for the rows
/// that calibrated and those without a prediction.
std::vector<double> calibrate(const MetaTable& table, const Scheme& scheme,
                              std::span<const double> predicted,
                              std::uint64_t seed);

}  // namespace cape
