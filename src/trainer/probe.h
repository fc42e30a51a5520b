/// The look at the untrained network.
#pragma once

#include <torch/torch.h>

#include <optional>

#include "models/build.h"
#include "trial/task.h"

namespace cape {

/// g2 and tau of `model` on a batch of B samples: the mean squared norms of the
/// gradients of sample i's cross-entropy and of its true-class logit, in
/// evaluation mode. `labels` are B classes. One forward and two backward passes
/// and the norms of models/sample_norms.h. With a learning rate also the
/// extended features, for the gradient of the weights and three forward passes
/// more. The model and the random state are left as they were, to the bit.
ProbeResult probe(models::Model& model, const torch::Tensor& inputs,
                  const torch::Tensor& labels,
                  std::optional<double> learning_rate = std::nullopt);

/// g2 and tau by a loop over the samples, each on its own: the reference.
ProbeResult probe_by_loop(models::Model& model, const torch::Tensor& inputs,
                          const torch::Tensor& labels);

}  // namespace cape
