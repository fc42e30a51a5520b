/// When a trajectory ends, and what each criterion gets from it.
#pragma once

#include <span>
#include <vector>

#include "trial/task.h"

namespace cape::trial {

/// Is fed L_0, L_1, ... in order. Thresholds first, then the plateau rule, as
/// the published protocol has it: a criterion's result is what an independent
/// training for that criterion alone would give.
class StoppingRule {
 public:
  StoppingRule(const BatchSteps& settings,
               const std::vector<Criterion>& criteria);

  /// Takes L_t; true when update t + 1 is wanted: for a criterion that is
  /// still to be met, or for settings.record_at_least.
  bool observe(double loss);

  /// One for each criterion, in the order given. Valid once observe said false.
  const std::vector<CriterionResult>& results() const { return results_; }

  /// All losses seen, L_0 first.
  std::span<const float> losses() const { return losses_; }

 private:
  void close_reached(double loss);
  bool on_plateau() const;
  void censor(StopReason reason);

  BatchSteps settings_;
  std::vector<CriterionResult> results_;
  std::vector<bool> open_;
  std::vector<float> losses_;
};

}  // namespace cape::trial
