/// What a network that is being trained makes of many samples, without a
/// gradient. Its weights, buffers, mode (training) and the random state are
/// afterwards as they were before.
#pragma once

#include "models/build.h"
#include "trainer/sample_set.h"
#include "trial/task.h"

namespace cape::trainer {

/// In evaluation mode: the mean loss over a set, and the share of its labels
/// that are right or, of a regression, R^2.
trial::Validation validate(models::Model& model, const SampleSet& set);

/// The mean loss over the first `samples` of a set, without dropout, where
/// BatchNorm takes the statistics of the samples: of parts of at most 256.
double training_loss(models::Model& model, const SampleSet& set,
                     std::int64_t samples);

}  // namespace cape::trainer
