/// What a trajectory should cost, without running it.
#pragma once

#include <string>

namespace cape {

/// Steps that a network of `parameters` is expected to take to epsilon: a
/// log-linear fit to the published trainings of its family, good to a factor
/// of two for one trajectory and much better for the mean of many.
double expected_steps(const std::string& family, double parameters,
                      double learning_rate, double batch_size, double epsilon);

/// Floating-point operations of a trajectory: a training step is three forward
/// passes over the batch, the probe counts as kProbeSteps steps.
double trajectory_flops(double forward_flops_per_sample, double batch_size,
                        double steps);

/// Seconds after which a trial must hang: all of `max_steps` at a speed far
/// below that of any machine that is of use.
double longest_trial_seconds(double step_flops, double max_steps);

}  // namespace cape
