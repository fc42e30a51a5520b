/// The methods that the paper compares with, and the smallest error that a
/// predictor of cells can have.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "predictor/evaluation/regressor.h"

namespace cape::predictor {

/// T = log(1 / epsilon) / tau, since tau is the mean eigenvalue of the B x B
/// Gram matrix of true-logit gradients. Nothing is fitted. In steps, clipped to
/// [1, cap] or not.
Fit fit_ntkl(bool clipped);

/// Linear regression of log T on log P, log B, log eta and log N, for each
/// family.
Fit fit_scaling_law();

/// T = log(1 / epsilon) / -slope of the logarithmic loss over 60 training
/// steps. The curve is that of another trajectory of the same architecture,
/// data set, learning rate and B, or the row's own, which contains the answer
/// where T* < 60.
enum class CurveOf { another_trial, own_run };
Fit fit_curve_extrapolation(CurveOf curve);

/// exp(mean log T*) of the other trajectories of a row's cell and architecture:
/// the error that remains is the noise between equal cells. Predicts only rows
/// whose cell has other trajectories among the rows fitted on.
Fit fit_floor();

/// The best epoch by learning-curve extrapolation from the validation losses of
/// the row's own first kFirstEpochs epochs. Predicts only rows that have them.
Fit fit_validation_extrapolation();

/// The one number that has the best AvgAccuracy on the rows fitted on.
Fit fit_constant();

/// The median of the rows of the same family.
Fit fit_family_median();

/// Linear regression of the logarithm on log P, log N, log B, log eta, the
/// optimizer and log log(1 / epsilon), where they vary. N are the samples that
/// a whole training is on.
Fit fit_linear_in_settings();

}  // namespace cape::predictor
