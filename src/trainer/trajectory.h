/// One trajectory, measured: docs/trial_protocol.md.
#pragma once

#include <torch/torch.h>

#include "datasets/dataset.h"
#include "trainer/training.h"
#include "trial/task.h"

namespace cape {

/// The task's B different samples: they depend on its seed, B, the data set and
/// its variant, not on the network. Throws Error where B is too large.
TrialBatch draw_batch(const TrialTask& task, const datasets::Dataset& dataset,
                      const torch::Device& device);

/// How many losses to collect on a device before looking at them: each look at
/// a GPU's waits for it.
int losses_a_look(const torch::Device& device);

/// Builds the network, probes it and trains it on the probe batch until every
/// epsilon of the task is reached or the run is censored; with
/// task.timed_steps only times so many updates. On one CPU thread the
/// result (times aside) depends on the task and the data alone, to the bit,
/// whatever `losses_a_look` is. Seeds Torch's generators.
TrialResult run_trajectory(const TrialTask& task,
                           const datasets::Dataset& dataset,
                           const torch::Device& device, int losses_a_look);

}  // namespace cape
