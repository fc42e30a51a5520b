/// Training on one batch: losses and updates.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "datasets/task.h"
#include "models/build.h"

namespace cape {

/// The probe batch on a device.
struct TrialBatch {
  torch::Tensor inputs;  ///< B x ..., float32, as the network wants them
  torch::Tensor labels;  ///< as Objective has them
  datasets::Task task = datasets::Task::classification;
};

/// A network in training mode with AdamW (betas 0.9 and 0.999, epsilon 1e-8,
/// decoupled weight decay). `model` outlives it.
class Training {
 public:
  Training(models::Model& model, TrialBatch batch, double learning_rate,
           double weight_decay);

  /// The mean loss over the batch before the next update, a scalar on the
  /// device.
  torch::Tensor loss();

  /// The update that follows loss().
  void update();

 private:
  models::Model& model_;
  const TrialBatch batch_;
  const double learning_rate_;
  const double weight_decay_;
  torch::Tensor loss_;
  std::vector<torch::Tensor> parameters_;
  std::vector<torch::Tensor> first_moments_, second_moments_;
  std::vector<torch::Tensor> steps_;
};

}  // namespace cape
