/// When a training on a whole data set ends, and what each criterion gets.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "trial/task.h"

namespace cape::trial {

/// The updates after which the training loss is looked at: every one up to 40,
/// then each at most 5 % later than the one before (42, 44, ...).
std::int64_t next_look(std::int64_t updates);

/// Says what is to be measured next and is fed the answers. What a criterion
/// gets is what a training for that criterion alone would give it:
/// docs/trial_protocol.md.
class FullTrainingRule {
 public:
  FullTrainingRule(const FullTraining& settings, std::int64_t batch_size,
                   const std::vector<Criterion>& criteria);

  struct Measurement {
    std::int64_t updates = 0;  ///< before it
    bool is_validation = false;
  };

  /// Nothing once every criterion has its result.
  std::optional<Measurement> next() const;

  /// The answer to a measurement of the training loss.
  void observe_loss(float loss);

  /// The answer to one of the validation part.
  void observe_validation(float loss, float score);

  /// One for each criterion, in the order given. Valid once next() is nothing.
  const std::vector<CriterionResult>& results() const { return results_; }

  /// What was observed: L_0 first; a value for each epoch.
  std::span<const float> losses() const { return losses_; }
  std::span<const float> validation_losses() const { return validation_; }
  std::span<const float> validation_scores() const { return scores_; }

 private:
  /// Counts the epochs since the last improvement.
  struct Patience {
    EarlyStopping rule;
    BestEpoch best;

    /// True when training should end.
    bool observe(std::int64_t epoch, const Validation& validation);
  };

  bool waits_for_loss() const;
  std::int64_t epoch() const { return std::ssize(validation_); }
  void close(std::size_t criterion, std::int64_t t_star, StopReason reason);
  void censor_epsilons(StopReason reason);
  void censor_all(StopReason reason);

  FullTraining settings_;
  std::int64_t steps_per_epoch_;
  std::int64_t max_steps_;
  Patience end_;                     ///< of the training
  std::vector<Patience> patiences_;  ///< of each criterion that is one
  std::vector<CriterionResult> results_;
  std::vector<bool> open_;
  std::vector<float> losses_, validation_, scores_;
  std::int64_t look_ = 0;       ///< updates of the next one
  std::int64_t last_look_ = 0;  ///< and of the last one
};

}  // namespace cape::trial
