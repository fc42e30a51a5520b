/// What a trajectory should cost, without running it.
#pragma once

#include <optional>
#include <string>

#include "trial/optimizer.h"
#include "trial/target.h"

namespace cape::grid {

/// Steps that a network of `parameters` is expected to take to epsilon: a
/// log-linear fit to the published trainings of its family, good to a factor
/// of two for one trajectory and much better for the mean of many. Those used
/// AdamW; gradient descent counts as AdamW with a learning rate of its own
/// scale.
double expected_steps(const std::string& family, double parameters,
                      const trial::Optimizer& optimizer, double learning_rate,
                      double batch_size, double epsilon);

/// Epochs after which a full_training is expected to stop: the median of some
/// hundred trainings, good to a factor of two.
double expected_epochs(const trial::FullTraining& training);

/// Floating-point operations of a trajectory: a training step is three forward
/// passes over the batch, the probe counts as kProbeSteps steps.
double trajectory_flops(double forward_flops_per_sample, double batch_size,
                        double steps);

/// The same of a whole training of so many epochs, evaluations included.
double full_training_flops(double forward_flops_per_sample, double batch_size,
                           const trial::FullTraining& training, double epochs);

/// Those of a trajectory that ends at its cap alone.
double most_flops(double forward_flops_per_sample, double batch_size,
                  const trial::Target& target);

/// Seconds after which a trial of at most `flops` must hang: those at a speed
/// far below that of any machine that is of use, or many times the `measured`
/// seconds, which trials like it would take here for as many.
double longest_trial_seconds(double flops, std::optional<double> measured);

}  // namespace cape::grid
