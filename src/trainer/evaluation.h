/// A network's loss and score on samples that it is not trained on then.
#pragma once

#include "models/build.h"
#include "trainer/sample_set.h"
#include "trial/task.h"

namespace cape::trainer {

/// The mean loss of the first `samples` of a set, and the share of their labels
/// that are right or, of a regression, R^2, in evaluation mode. The model, its
/// mode and the random state are afterwards as before.
trial::Validation evaluate(models::Model& model, const SampleSet& set,
                           std::int64_t samples);

}  // namespace cape::trainer
