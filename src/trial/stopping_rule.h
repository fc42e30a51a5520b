/// When a trajectory ends, and what each epsilon gets from it.
#pragma once

#include <span>
#include <vector>

#include "trial/task.h"

namespace cape {

/// Is fed L_0, L_1, ... in order. Thresholds first, then the plateau rule, as
/// the published protocol has it: an epsilon's result is what an independent
/// training for that epsilon alone would give.
class StoppingRule {
 public:
  StoppingRule(const TrainSettings& settings,
               const std::vector<double>& epsilons);

  /// Takes L_t; true when update t + 1 is wanted: for an epsilon that is still
  /// to be reached, or for settings.record_at_least.
  bool observe(double loss);

  /// One for each epsilon, in the order given. Valid once observe said false.
  const std::vector<EpsilonResult>& results() const { return results_; }

  /// All losses seen, L_0 first.
  std::span<const float> losses() const { return losses_; }

 private:
  void close_reached(double loss);
  bool on_plateau() const;
  void censor(StopReason reason);

  TrainSettings settings_;
  std::vector<EpsilonResult> results_;
  std::vector<bool> open_;
  std::vector<float> losses_;
};

}  // namespace cape
