#include "trial/stopping_rule.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

namespace cape::trial {

StoppingRule::StoppingRule(const BatchSteps& settings,
                           const std::vector<Criterion>& criteria)
    : settings_(settings), open_(criteria.size(), true) {
  for (const Criterion& criterion : criteria) {
    results_.push_back({.criterion = criterion});
  }
}

bool StoppingRule::observe(double loss) {
  losses_.push_back(static_cast<float>(loss));
  if (!std::isfinite(loss)) {
    censor(StopReason::non_finite);
    return false;
  }
  close_reached(loss);
  if (on_plateau()) censor(StopReason::plateau);
  const auto seen = static_cast<std::int64_t>(losses_.size());
  if (seen >= settings_.max_steps) {
    censor(StopReason::max_steps);
    return false;
  }
  return std::any_of(open_.begin(), open_.end(), std::identity{}) ||
         seen < settings_.record_at_least;
}

void StoppingRule::close_reached(double loss) {
  const auto t = static_cast<std::int64_t>(losses_.size()) - 1;
  const double initial = losses_.front();
  for (std::size_t i = 0; i < results_.size(); ++i) {
    const double epsilon = epsilon_of(results_[i].criterion);
    if (!open_[i] || t == 0 || loss > epsilon * initial) continue;
    open_[i] = false;
    results_[i].t_star = results_[i].steps_run = t;
    results_[i].stop_reason = StopReason::converged;
    results_[i].final_loss = loss;
  }
}

bool StoppingRule::on_plateau() const {
  const auto window = static_cast<std::size_t>(settings_.plateau_window);
  if (losses_.size() < window) return false;
  const double before = losses_[losses_.size() - window];
  const double now = losses_.back();
  return (before - now) / before < settings_.plateau_tolerance;
}

void StoppingRule::censor(StopReason reason) {
  for (std::size_t i = 0; i < results_.size(); ++i) {
    if (!open_[i]) continue;
    open_[i] = false;
    results_[i].t_star = settings_.max_steps;
    results_[i].steps_run = static_cast<std::int64_t>(losses_.size()) - 1;
    results_[i].stop_reason = reason;
    results_[i].final_loss = losses_.back();
  }
}

}  // namespace cape::trial
