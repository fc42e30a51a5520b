#include "trial/full_training_rule.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/error.h"

namespace cape::trial {
namespace {

const EarlyStopping* as_stopping(const CriterionResult& result) {
  return std::get_if<EarlyStopping>(&result.criterion);
}

}  // namespace

std::int64_t next_look(std::int64_t updates) {
  return updates + std::max<std::int64_t>(1, updates / 20);
}

bool FullTrainingRule::Patience::observe(std::int64_t epoch,
                                         const Validation& validation) {
  if (best.epoch == 0 ||
      validation.loss < best.validation.loss - rule.min_delta) {
    best = {epoch, validation};
  }
  return epoch - best.epoch >= rule.patience;
}

FullTrainingRule::FullTrainingRule(const FullTraining& settings,
                                   std::int64_t batch_size,
                                   const std::vector<Criterion>& criteria)
    : settings_(settings),
      steps_per_epoch_(trial::steps_per_epoch(settings, batch_size)),
      max_steps_(max_steps_of(settings, batch_size)),
      end_{.rule = {settings.patience, settings.min_delta}, .best = {}},
      patiences_(criteria.size()),
      open_(criteria.size(), true) {
  if (steps_per_epoch_ < 1) {
    fail("{} samples are no mini-batch of {}", settings.samples, batch_size);
  }
  for (std::size_t c = 0; c < criteria.size(); ++c) {
    results_.push_back({.criterion = criteria[c]});
    if (const auto* const rule = as_stopping(results_[c])) {
      patiences_[c].rule = *rule;
    }
  }
}

bool FullTrainingRule::waits_for_loss() const {
  for (std::size_t c = 0; c < results_.size(); ++c) {
    if (open_[c] && as_stopping(results_[c]) == nullptr) return true;
  }
  return losses_.empty();  // every row has L_0
}

std::optional<FullTrainingRule::Measurement> FullTrainingRule::next() const {
  if (std::none_of(open_.begin(), open_.end(), std::identity{})) return {};
  const std::int64_t epoch_end = (epoch() + 1) * steps_per_epoch_;
  if (waits_for_loss() && look_ <= epoch_end) return Measurement{look_, false};
  return Measurement{epoch_end, true};
}

void FullTrainingRule::observe_loss(float loss) {
  last_look_ = look_;
  look_ = next_look(look_);
  losses_.push_back(loss);
  if (!std::isfinite(loss)) return censor_epsilons(StopReason::non_finite);
  for (std::size_t c = 0; c < results_.size(); ++c) {
    const auto* const epsilon = std::get_if<Epsilon>(&results_[c].criterion);
    const double initial = losses_.front();
    if (epsilon == nullptr || !open_[c] || last_look_ == 0 ||
        loss > epsilon->value * initial) {
      continue;
    }
    close(c, last_look_, StopReason::converged);
  }
  if (settings_.stop_after > 0 && last_look_ >= settings_.stop_after) {
    censor_all(StopReason::max_steps);
  }
}

void FullTrainingRule::observe_validation(float loss, float score) {
  validation_.push_back(loss);
  scores_.push_back(score);
  if (!std::isfinite(loss)) return censor_all(StopReason::non_finite);
  const Validation validation{loss, score};
  for (std::size_t c = 0; c < results_.size(); ++c) {
    if (!open_[c] || as_stopping(results_[c]) == nullptr) continue;
    const bool ends = patiences_[c].observe(epoch(), validation);
    results_[c].best = patiences_[c].best;
    if (ends) close(c, epoch() * steps_per_epoch_, StopReason::converged);
  }
  if (end_.observe(epoch(), validation)) censor_all(StopReason::plateau);
  if (epoch() >= settings_.max_epochs) censor_all(StopReason::max_epochs);
}

void FullTrainingRule::close(std::size_t criterion, std::int64_t t_star,
                             StopReason reason) {
  CriterionResult& result = results_[criterion];
  const bool stops_early = as_stopping(result) != nullptr;
  open_[criterion] = false;
  result.t_star = t_star;
  result.stop_reason = reason;
  result.steps_run = stops_early ? epoch() * steps_per_epoch_ : last_look_;
  result.final_loss = stops_early ? validation_.back() : losses_.back();
}

void FullTrainingRule::censor_epsilons(StopReason reason) {
  for (std::size_t c = 0; c < results_.size(); ++c) {
    if (open_[c] && as_stopping(results_[c]) == nullptr) {
      close(c, max_steps_, reason);
    }
  }
}

void FullTrainingRule::censor_all(StopReason reason) {
  for (std::size_t c = 0; c < results_.size(); ++c) {
    if (open_[c]) close(c, max_steps_, reason);
  }
}

}  // namespace cape::trial
