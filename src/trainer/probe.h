/// The look at the untrained network.
#pragma once

#include <torch/torch.h>

#include "models/build.h"
#include "trial/task.h"

namespace cape {

/// g2 and tau of `model` on a batch of B samples, by a loop over the samples:
/// the gradients of sample i's cross-entropy and of its true-class logit, of
/// that sample alone, in evaluation mode. `labels` are B classes. The model and
/// the random state are left as they were.
ProbeResult probe_by_loop(models::Model& model, const torch::Tensor& inputs,
                          const torch::Tensor& labels);

}  // namespace cape
