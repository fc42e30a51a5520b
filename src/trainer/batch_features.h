/// What a batch shows of its data, whatever the network.
#pragma once

#include <cstdint>

#include "datasets/task.h"
#include "models/torch.h"
#include "trial/task.h"

namespace cape::trainer {

/// The numbers that stand for each sample, samples x numbers: those of the
/// inputs or, of tokens, how often each occurs in the sample. Tokens that have
/// the same remainder by kTokenCounts count together.
torch::Tensor numbers_of_samples(const torch::Tensor& inputs);

inline constexpr std::int64_t kTokenCounts = 4096;

/// `inputs`: samples x ..., as the network gets them; `labels` as TaskObjective
/// has them. docs/trial_protocol.md defines the features and says when one is
/// missing (NaN). Products are computed in the type of the inputs.
trial::BatchFeatures batch_features(const torch::Tensor& inputs,
                                    const torch::Tensor& labels,
                                    datasets::Task task);

}  // namespace cape::trainer
