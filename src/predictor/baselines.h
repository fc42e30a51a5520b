/// The methods that the paper compares with, and the floor that no predictor of
/// a cell can get below.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "predictor/regressor.h"

namespace cape {

/// T = log(1 / epsilon) / tau: the mean eigenvalue of the B x B Gram matrix of
/// true-logit gradients is tau. Nothing is fitted. Steps, clipped to
/// [1, cap] or not.
Fit fit_ntkl(bool clipped);

/// Linear regression of log T on log P, log B, log eta and log N, a family
/// each.
Fit fit_scaling_law();

/// T = log(1 / epsilon) / -slope of the logarithmic loss over 60 training
/// steps. The curve is that of another trajectory of the same architecture,
/// data set, learning rate and B, or the row's own, which holds the answer
/// where T* < 60.
enum class CurveOf { another_trial, own_run };
Fit fit_curve_extrapolation(CurveOf curve);

/// exp(mean log T*) of the other trajectories of a row's cell and architecture:
/// what is left is the noise between equal cells. Predicts only rows that have
/// equals among the rows fitted on.
Fit fit_floor();

}  // namespace cape
