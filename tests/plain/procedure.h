/// The published procedure, one row at a time: a loop over single samples for
/// the features and a training of its own for every epsilon.
#pragma once

#include <memory>
#include <vector>

#include "datasets/dataset.h"
#include "models/torch.h"
#include "plain/model.h"
#include "trainer/trajectory.h"
#include "trial/task.h"

namespace torch::optim {
class Optimizer;
}

namespace cape::plain {

/// g2 and tau as trainer/probe.h has them, in a loop over single samples: for
/// each, a forward and a backward pass for the loss and again for the logit.
trial::ProbeResult probe_by_plain_loop(PlainModel& model,
                                       const torch::Tensor& inputs,
                                       const torch::Tensor& labels);

/// Training steps with the optimizer of LibTorch.
class PlainTraining {
 public:
  PlainTraining(PlainModel& model, const trial::Optimizer& optimizer,
                double learning_rate);
  ~PlainTraining();

  /// The loss of the network as it is; then the update that it asks for.
  double loss(const trainer::TrialBatch& batch);
  void update();

 private:
  PlainModel& model_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  torch::Tensor loss_;
};

/// A row: what was measured for one epsilon.
struct PlainRow {
  double epsilon = 0;
  trial::ProbeResult probe;
  bool converged = false;
  std::int64_t t_star = 0;     ///< censored: max_steps
  std::vector<double> losses;  ///< L_0, L_1, ...
};

/// For every epsilon of the task the network from the task's seed, probed and
/// trained until L_t <= epsilon L_0, the plateau rule or max_steps.
std::vector<PlainRow> published_procedure(const trial::TrialTask& task,
                                          const datasets::Dataset& dataset);

}  // namespace cape::plain
