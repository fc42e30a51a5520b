/// How a network is trained for a target, and what comes of it.
#pragma once

#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "datasets/dataset.h"
#include "models/build.h"
#include "trainer/training.h"
#include "trial/task.h"

namespace cape::trainer {

/// What a training gave: the members of TrialResult of these names.
struct Trained {
  std::vector<float> losses;
  std::vector<trial::CriterionResult> outcomes = {};
  double step_seconds = std::numeric_limits<double>::quiet_NaN();
  std::vector<float> validation_losses = {};
  std::vector<float> validation_scores = {};
  double evaluation_seconds = std::numeric_limits<double>::quiet_NaN();
};

class Procedure {
 public:
  Procedure() = default;
  virtual ~Procedure() = default;
  Procedure(const Procedure&) = delete;
  Procedure& operator=(const Procedure&) = delete;

  /// The batch of the first update, which is probed before.
  virtual const TrialBatch& first_batch() const = 0;

  /// Of the samples, where there are more of them than a batch.
  virtual std::optional<trial::SetFeatures> set_features() const { return {}; }

  /// Trains until every criterion of the task has its result.
  virtual Trained train(models::Model& model, Training& training) = 0;

  /// Trains nothing: L_0, and the time that is not the steps'.
  virtual Trained look(models::Model& model, Training& training) = 0;
};

/// `task` and `dataset` outlive the procedure. Throws Error where the data set
/// has too few samples.
std::unique_ptr<Procedure> make_procedure(const trial::BatchSteps& settings,
                                          const trial::TrialTask& task,
                                          const datasets::Dataset& dataset,
                                          const torch::Device& device,
                                          int losses_per_sync);
std::unique_ptr<Procedure> make_procedure(const trial::FullTraining& settings,
                                          const trial::TrialTask& task,
                                          const datasets::Dataset& dataset,
                                          const torch::Device& device);

/// The form in which the task's network takes the samples.
datasets::BatchForm batch_form(const trial::TrialTask& task);

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace cape::trainer
