/// The probe: what is measured of the untrained network.
#pragma once

#include <optional>

#include "models/build.h"
#include "models/torch.h"
#include "trial/task.h"

namespace cape::trainer {

/// g2 and tau of `model` on a batch of B samples: the mean squared norms of the
/// gradients of sample i's loss and of its f, in evaluation mode; what these
/// and `labels` are is the task's: trainer/objective.h. One forward and two
/// backward passes and the norms of models/sample_norms.h. With a learning rate
/// also the extended features, those of the first steps with `optimizer`. They
/// take the gradient of the weights and four forward passes. A network with
/// BatchNorm, or one that does not record its probes, is measured in training
/// mode by itself: see probe_in_training_mode. On the CPU Torch's
/// threads take parts of the batch (of Model::micro_batch_size or fewer) side
/// by side. The model and the random state are left as they were, to the bit.
trial::ProbeResult probe(models::Model& model, const torch::Tensor& inputs,
                         const torch::Tensor& labels,
                         std::optional<double> learning_rate = std::nullopt,
                         datasets::Task task = datasets::Task::classification,
                         const trial::Optimizer& optimizer = {});

/// g2 and tau by a loop over the samples, each on its own: the reference.
trial::ProbeResult probe_by_loop(
    models::Model& model, const torch::Tensor& inputs,
    const torch::Tensor& labels,
    datasets::Task task = datasets::Task::classification);

}  // namespace cape::trainer
