// Training on one fixed batch.
#include <algorithm>
#include <utility>

#include "trainer/procedure.h"
#include "trainer/trajectory.h"
#include "trial/stopping_rule.h"

namespace cape::trainer {
namespace {

/// Gives the losses to `rule` until it can decide; later losses are ignored.
/// Returns true when the rule needs more losses.
bool observe_losses(trial::StoppingRule& rule,
                    const std::vector<torch::Tensor>& losses) {
  const torch::Tensor values = torch::stack(losses).to(torch::kDouble).cpu();
  const double* const first = values.const_data_ptr<double>();
  return std::all_of(first, first + values.numel(),
                     [&](double loss) { return rule.observe(loss); });
}

class BatchStepsProcedure : public Procedure {
 public:
  BatchStepsProcedure(const trial::BatchSteps& settings,
                      const trial::TrialTask& task, TrialBatch batch,
                      int losses_per_sync)
      : settings_(settings),
        task_(task),
        batch_(std::move(batch)),
        losses_per_sync_(losses_per_sync) {}

  const TrialBatch& first_batch() const override { return batch_; }

  Trained train(models::Model& /*model*/, Training& training) override {
    trial::StoppingRule rule(settings_, task_.criteria);
    const double step_seconds = train(training, rule);
    return {.losses = {rule.losses().begin(), rule.losses().end()},
            .outcomes = rule.results(),
            .step_seconds = step_seconds};
  }

  Trained look(models::Model& /*model*/, Training& training) override {
    return {.losses = {training.loss(batch_).item<float>()}};
  }

 private:
  /// Trains until `rule` has seen enough; the mean wall seconds of an update,
  /// NaN without one.
  double train(Training& training, trial::StoppingRule& rule) const {
    std::vector<torch::Tensor> unseen;
    // The first steps set things up: the clock starts at the first look, unless
    // that is the last one too.
    Clock::time_point start = Clock::now();
    std::int64_t updates_before = 0;
    for (std::int64_t updates = 0;; ++updates) {
      unseen.push_back(training.loss(batch_));
      if (std::ssize(unseen) == losses_per_sync_) {
        if (!observe_losses(rule, unseen)) {
          if (updates == 0) return std::numeric_limits<double>::quiet_NaN();
          return seconds_since(start) /
                 static_cast<double>(updates - updates_before);
        }
        unseen.clear();
        if (updates_before == 0) {
          start = Clock::now();
          updates_before = updates;
        }
      }
      training.update();
    }
  }

  const trial::BatchSteps settings_;
  const trial::TrialTask& task_;
  const TrialBatch batch_;
  const int losses_per_sync_;
};

}  // namespace

std::unique_ptr<Procedure> make_procedure(const trial::BatchSteps& settings,
                                          const trial::TrialTask& task,
                                          const datasets::Dataset& dataset,
                                          const torch::Device& device,
                                          int losses_per_sync) {
  return std::make_unique<BatchStepsProcedure>(
      settings, task, draw_batch(task, dataset, device), losses_per_sync);
}

}  // namespace cape::trainer
