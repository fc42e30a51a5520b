/// What each task asks of a network: its loss, f, and what else of it depends
/// on the kind of labels. docs/trial_protocol.md defines them.
#pragma once

#include "datasets/task.h"
#include "models/torch.h"

namespace cape::trainer {

/// `outputs` are the network's and `labels` those of the batch:
///   classification  samples x C         samples, int64
///   regression      samples x 1         samples, floating
///   sequence        samples x T x C     samples x T, int64
///   multilabel      samples x L         samples x L, floating 0 or 1
class TaskObjective {
 public:
  explicit TaskObjective(datasets::Task task) : task_(task) {}

  /// The mean of the samples' losses, a scalar.
  torch::Tensor mean_loss(const torch::Tensor& outputs,
                          const torch::Tensor& labels) const;

  /// Their sum: its gradient with respect to a sample's outputs is that of the
  /// sample's own loss.
  torch::Tensor summed_loss(const torch::Tensor& outputs,
                            const torch::Tensor& labels) const;

  /// The sum of the samples' f.
  torch::Tensor summed_f(const torch::Tensor& outputs,
                         const torch::Tensor& labels) const;

  /// Of the samples' answers: the number that are right, or of a regression
  /// the sum of the squared errors. A sample has an answer for each of its
  /// labels.
  double score(const torch::Tensor& outputs, const torch::Tensor& labels) const;

  /// Of the labels' frequencies, in nats; NaN for a regression.
  double label_entropy(const torch::Tensor& labels) const;

  /// The deviation over the outputs, its mean over samples and steps; NaN for a
  /// regression, which has one.
  double output_spread(const torch::Tensor& outputs) const;

 private:
  torch::Tensor loss(const torch::Tensor& outputs, const torch::Tensor& labels,
                     torch::Reduction::Reduction reduction) const;

  datasets::Task task_;
};

}  // namespace cape::trainer
