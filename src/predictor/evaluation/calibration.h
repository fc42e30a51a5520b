/// The linear calibration in epochs that the paper applies to every method.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "predictor/data/folds.h"
#include "predictor/data/meta_table.h"

namespace cape::predictor {

/// The share of the trajectories whose rows calibrate and are not scored.
inline constexpr double kCalibrationPart = 0.1;

/// Fits for each family (and each part of `scheme`, if a part is what was left
/// out) the least-squares line from predicted to measured epochs, which are
/// steps / ceil(N / B), on a random tenth of the trajectories. Applies it to
/// the predictions of the other rows. Returns steps in [1, cap]; NaN for
/// the rows that calibrated and for rows without a prediction.
std::vector<double> calibrate(const MetaTable& table, const Scheme& scheme,
                              std::span<const double> predicted,
                              std::uint64_t seed);

}  // namespace cape::predictor
