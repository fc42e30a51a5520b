/// Learning-curve extrapolation: when early stopping would end a training, from
/// its first validation losses.
#pragma once

#include <functional>
#include <span>

namespace cape::predictor {

/// A training ends after `patience` epochs without a loss below the best one by
/// more than `min_delta`, or after `max_epochs`.
struct EarlyStoppingRule {
  int patience = 5;
  double min_delta = 0;
  int max_epochs = 0;
};

/// Epochs, counted from 1.
struct EarlyStop {
  int epoch = 0;  ///< after which the training ends
  int best_epoch = 0;
};

/// Of a training with these validation losses; `loss` gives the one after an
/// epoch.
EarlyStop stop_early(const std::function<double(int)>& loss,
                     const EarlyStoppingRule& rule);

/// An exponential a + b exp(-c epoch) is fitted to the losses of the first
/// epochs, and early stopping run on these and then on the curve. REQUIRES: at
/// least one loss.
EarlyStop extrapolate_stop(std::span<const double> first_losses,
                           const EarlyStoppingRule& rule);

}  // namespace cape::predictor
