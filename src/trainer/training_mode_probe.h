/// What the first steps of a training see of the untrained network.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "models/build.h"
#include "models/torch.h"
#include "trainer/training.h"
#include "trial/optimizer.h"
#include "trial/task.h"

namespace cape::trainer {

/// A mean loss and its gradients: those of a sum of losses, to be divided by
/// `divisor`. Undefined where the loss does not depend on a parameter.
struct LossWithGradient {
  double loss = 0;
  std::vector<torch::Tensor> gradients;
  double divisor = 1;

  double squared_norm() const;
  double l1_norm() const;
};

/// The trainable ones, in the network's order.
std::vector<torch::Tensor> trainable_parameters(const torch::nn::Module& model);

/// Whether the network has layers that take the mean and the variance of a
/// batch in training mode, and keep those of all batches for evaluation.
bool has_batch_norm(const torch::nn::Module& model);

/// Whether so many samples have a training mode: BatchNorm has no deviation of
/// a single one.
bool has_training_mode(const torch::nn::Module& model, std::int64_t samples);

/// The loss at the start, its gradient, and the losses after steps that are 1,
/// 2, 4 and 8 learning rates long: a forward and a backward pass and four
/// forward passes over the whole batch, with BatchNorm on the statistics of the
/// batch and without dropout. Changes modes and buffers; weights and the random
/// state are afterwards as they were, to the bit. Everything is missing (NaN)
/// for a single sample with BatchNorm; so is what is not finite.
trial::TrainingModeProbe probe_in_training_mode(
    models::Model& model, const TrialBatch& batch,
    const trial::Optimizer& optimizer, double learning_rate);

/// The same for a network whose evaluation mode is its training mode without
/// dropout: from `start`, which evaluation mode gave, and `loss`, which gives
/// the mean loss in evaluation mode.
trial::TrainingModeProbe probe_by_evaluation(
    models::Model& model, const LossWithGradient& start,
    const trial::Optimizer& optimizer, double learning_rate,
    const std::function<double()>& loss);

}  // namespace cape::trainer
