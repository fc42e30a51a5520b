/// How a simple learner gets on with a data set: what its samples say of how
/// long any network learns from them before it only learns them by heart.
#pragma once

#include "datasets/task.h"
#include "models/torch.h"
#include "trial/task.h"

namespace cape::trainer {

/// Mean squared errors over those of the mean of the labels that were learnt,
/// at the times SetFeatures::kKernelTimes.
struct KernelRegression {
  trial::SetFeatures::KernelLosses training = trial::SetFeatures::all_missing();
  trial::SetFeatures::KernelLosses held_out = trial::SetFeatures::all_missing();
};

/// Gradient flow of a regression of the labels with a Gaussian kernel, on one
/// half of the samples and tested on the other, then the other way round; the
/// mean of both. `inputs`: samples x ..., as the network gets them; `labels` as
/// TaskObjective has them. docs/trial_protocol.md defines it, and says when it
/// is missing (NaN). Computed in double precision on the CPU.
KernelRegression kernel_regression(const torch::Tensor& inputs,
                                   const torch::Tensor& labels,
                                   datasets::Task task);

}  // namespace cape::trainer
