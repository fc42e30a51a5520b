// Training on a data set, in mini-batches, until it stops improving.
#include <algorithm>
#include <span>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"
#include "datasets/split.h"
#include "trainer/batch_features.h"
#include "trainer/evaluation.h"
#include "trainer/kernel_regression.h"
#include "trainer/procedure.h"
#include "trainer/sample_set.h"
#include "trial/full_training_rule.h"

namespace cape::trainer {
namespace {

void wait_for(const torch::Device& device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

/// The mini-batches of epoch after epoch, each freshly shuffled.
class MiniBatches {
 public:
  MiniBatches(std::int64_t samples, std::int64_t batch_size, std::uint64_t seed)
      : samples_(samples),
        batch_size_(batch_size),
        random_(seed_of(fmt::format("{}/shuffle", seed))) {
    shuffle();
  }

  /// The samples of the next one, which stay valid until the one after it.
  std::span<const std::int64_t> current() const {
    return std::span(order_).subspan(static_cast<std::size_t>(next_),
                                     static_cast<std::size_t>(batch_size_));
  }

  void advance() {
    next_ += batch_size_;
    if (next_ == std::ssize(order_)) shuffle();
  }

 private:
  void shuffle() {
    order_ = random_.sample(samples_, samples_ / batch_size_ * batch_size_);
    next_ = 0;
  }

  std::int64_t samples_, batch_size_;
  Random random_;
  std::vector<std::int64_t> order_;
  std::int64_t next_ = 0;
};

class FullTrainingProcedure : public Procedure {
 public:
  FullTrainingProcedure(const trial::FullTraining& settings,
                        const trial::TrialTask& task,
                        const datasets::Dataset& dataset,
                        const torch::Device& device,
                        const datasets::Split& split)
      : settings_(settings),
        task_(task),
        device_(device),
        training_set_(dataset, split.training, batch_form(task), device),
        validation_set_(dataset, split.validation, batch_form(task), device),
        batches_(settings.samples, task.batch_size, task.seed),
        first_(training_set_.batch(batches_.current())) {}

  const TrialBatch& first_batch() const override { return first_; }

  std::optional<trial::SetFeatures> set_features() const override {
    const auto features = [&](std::int64_t most) {
      const TrialBatch samples =
          training_set_.range(0, std::min(most, training_set_.size()));
      return batch_features(samples.inputs, samples.labels, samples.task);
    };
    const trial::BatchFeatures many = features(trial::SetFeatures::kMany);
    const TrialBatch most = training_set_.range(
        0, std::min(trial::SetFeatures::kKernel, training_set_.size()));
    const KernelRegression kernel =
        kernel_regression(most.inputs, most.labels, most.task);
    return trial::SetFeatures{
        .agreement_few = features(trial::SetFeatures::kFew).neighbour_agreement,
        .agreement_many = many.neighbour_agreement,
        .rank_many = many.effective_rank,
        .kernel_training = kernel.training,
        .kernel_held_out = kernel.held_out};
  }

  Trained train(models::Model& model, Training& training) override {
    trial::FullTrainingRule rule(settings_, task_.batch_size, task_.criteria);
    std::int64_t updates = 0;
    while (const auto wanted = rule.next()) {
      for (; updates < wanted->updates; ++updates) {
        take_step(training, /*is_first=*/updates == 0);
      }
      if (wanted->is_validation) {
        const trial::Validation validation = timed_validation(model);
        rule.observe_validation(static_cast<float>(validation.loss),
                                static_cast<float>(validation.score));
      } else {
        rule.observe_loss(loss_of(model));
      }
    }
    finish_steps();
    if (settings_.stop_after > 0) {
      if (validations_ == 0) (void)timed_validation(model);
      updates = time_steps_without_looks(training);
    }
    // The first step sets things up, and counts only where it is the only one.
    const auto timed = static_cast<double>(updates - 1);
    return {.losses = {rule.losses().begin(), rule.losses().end()},
            .outcomes = rule.results(),
            .step_seconds = timed > 0 ? step_seconds_ / timed
                            : updates > 0
                                ? first_seconds_
                                : std::numeric_limits<double>::quiet_NaN(),
            .validation_losses = {rule.validation_losses().begin(),
                                  rule.validation_losses().end()},
            .validation_scores = {rule.validation_scores().begin(),
                                  rule.validation_scores().end()},
            .evaluation_seconds =
                evaluation_seconds_ / static_cast<double>(validations_)};
  }

  Trained look(models::Model& model, Training& /*training*/) override {
    (void)timed_validation(model);
    return {.losses = {loss_of(model)},
            .evaluation_seconds = evaluation_seconds_};
  }

 private:
  void take_step(Training& training, bool is_first) {
    const Clock::time_point start = Clock::now();
    (void)training.loss(training_set_.batch(batches_.current()));
    training.update();
    batches_.advance();
    if (is_first) wait_for(device_);
    (is_first ? first_seconds_ : step_seconds_) += seconds_since(start);
  }

  /// Steps between looks are slower than others. Returns how many were taken,
  /// the first of them to fill the caches again.
  std::int64_t time_steps_without_looks(Training& training) {
    constexpr std::int64_t kSteps = 6;
    first_seconds_ = step_seconds_ = 0;
    for (std::int64_t i = 0; i < kSteps; ++i) {
      take_step(training, /*is_first=*/i == 0);
    }
    finish_steps();
    return kSteps;
  }

  /// What a GPU still has to do of the steps before is the steps' time.
  void finish_steps() {
    const Clock::time_point start = Clock::now();
    wait_for(device_);
    step_seconds_ += seconds_since(start);
  }

  trial::Validation timed_validation(models::Model& model) {
    finish_steps();
    const Clock::time_point start = Clock::now();
    const trial::Validation validation = validate(model, validation_set_);
    evaluation_seconds_ += seconds_since(start);
    ++validations_;
    return validation;
  }

  float loss_of(models::Model& model) {
    finish_steps();
    return static_cast<float>(
        training_loss(model, training_set_, loss_samples(settings_)));
  }

  const trial::FullTraining settings_;
  const trial::TrialTask& task_;
  const torch::Device device_;
  const SampleSet training_set_, validation_set_;
  MiniBatches batches_;
  const TrialBatch first_;
  double first_seconds_ = 0, step_seconds_ = 0, evaluation_seconds_ = 0;
  std::int64_t validations_ = 0;
};

}  // namespace

std::unique_ptr<Procedure> make_procedure(const trial::FullTraining& settings,
                                          const trial::TrialTask& task,
                                          const datasets::Dataset& dataset,
                                          const torch::Device& device) {
  if (trial::steps_per_epoch(settings, task.batch_size) < 1) {
    fail("a batch of {} is more than the {} samples to train on",
         task.batch_size, settings.samples);
  }
  return std::make_unique<FullTrainingProcedure>(
      settings, task, dataset, device,
      datasets::draw_split(dataset.info.samples, settings.validation_samples,
                           settings.samples, settings.split_seed, task.seed));
}

}  // namespace cape::trainer
