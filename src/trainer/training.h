/// Training: losses and updates.
#pragma once

#include <vector>

#include "datasets/task.h"
#include "models/build.h"
#include "models/torch.h"
#include "trial/optimizer.h"

namespace cape::trainer {

/// Samples on a device.
struct TrialBatch {
  torch::Tensor inputs;  ///< B x ..., float32, as the network wants them
  torch::Tensor labels;  ///< as Objective has them
  datasets::Task task = datasets::Task::classification;
};

/// A network in training mode with its optimizer. `model` outlives it.
class Training {
 public:
  Training(models::Model& model, const trial::Optimizer& optimizer,
           double learning_rate);

  /// The mean loss over a batch before the next update, a scalar on the
  /// device.
  torch::Tensor loss(const TrialBatch& batch);

  /// The update that follows loss().
  void update();

 private:
  using Tensors = std::vector<torch::Tensor>;
  void apply(const trial::AdamW& adamw, const Tensors& gradients);
  void apply(const trial::Adam& adam, const Tensors& gradients);
  void apply(const trial::Sgd& sgd, const Tensors& gradients);
  void start_moments();

  models::Model& model_;
  const trial::Optimizer optimizer_;
  const double learning_rate_;
  torch::Tensor loss_;
  std::vector<torch::Tensor> parameters_;
  /// What the optimizer remembers of each parameter: nothing until its first
  /// update.
  std::vector<torch::Tensor> first_moments_, second_moments_;
  std::vector<torch::Tensor> steps_;
};

}  // namespace cape::trainer
