/// One trajectory, measured: docs/trial_protocol.md.
#pragma once

#include "datasets/dataset.h"
#include "models/torch.h"
#include "trainer/training.h"
#include "trial/task.h"

namespace cape::trainer {

/// The task's B different samples: they depend on its seed, B, the data set and
/// its variant, not on the network. Throws Error where B is too large.
TrialBatch draw_batch(const trial::TrialTask& task,
                      const datasets::Dataset& dataset,
                      const torch::Device& device);

/// How many losses to collect on a device before they are copied to the host:
/// each copy from a GPU waits until it has finished.
int losses_per_sync(const torch::Device& device);

/// Builds the network, probes it on the first batch of its training and trains
/// it, as its target says, until every criterion of the task has its result;
/// with task.timed_steps only times so many updates. On one CPU thread the
/// result (times aside) depends on the task and the data alone, to the bit,
/// whatever `losses_per_sync` is. Seeds Torch's generators.
trial::TrialResult run_trajectory(const trial::TrialTask& task,
                                  const datasets::Dataset& dataset,
                                  const torch::Device& device,
                                  int losses_per_sync);

}  // namespace cape::trainer
