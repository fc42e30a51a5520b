/// What a batch shows of its data, whatever the network.
#pragma once

#include <torch/torch.h>

#include "datasets/task.h"
#include "trial/task.h"

namespace cape::trainer {

/// `inputs`: samples x ..., as the network gets them; `labels` as TaskObjective
/// has them. docs/trial_protocol.md defines the features and says when one is
/// missing (NaN). Products are computed in the type of the inputs.
trial::BatchFeatures batch_features(const torch::Tensor& inputs,
                                    const torch::Tensor& labels,
                                    datasets::Task task);

}  // namespace cape::trainer
