// An epoch of a whole training: the engine's against LibTorch's modules.
//
//   bench_epoch --family cnn --draws 2 --json epoch.json
#include <algorithm>

#include "benchmarks.h"
#include "comparison.h"
#include "datasets/split.h"
#include "measure.h"
#include "plain/procedure.h"
#include "trainer/procedure.h"
#include "trainer/sample_set.h"

namespace cape::bench {
namespace {

constexpr std::int64_t kSamples = 8000;
constexpr std::int64_t kEvaluated = 256;  ///< samples of a forward pass

/// One epoch, its validation, and the initial loss.
trial::TrialTask epoch_of(const Case& subject, const Options& options) {
  trial::TrialTask task = subject.task;
  const std::int64_t samples =
      std::min(kSamples, options.max_steps * task.batch_size);
  task.target = trial::FullTraining{
      .max_epochs = 1,
      .validation_samples = std::min(datasets::kMostValidation, samples),
      .samples = samples};
  task.criteria = {trial::EarlyStopping{}};
  return task;
}

double loss_of(plain::PlainModel& model, const trainer::TrialBatch& all,
               std::int64_t samples) {
  const torch::NoGradGuard no_grad;
  model.eval();
  double loss = 0;
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < samples; i += kEvaluated) {
    const std::int64_t count = std::min(kEvaluated, samples - i);
    const torch::Tensor labels = all.labels.narrow(0, i, count);
    const torch::Tensor outputs = model.forward(all.inputs.narrow(0, i, count));
    loss += torch::cross_entropy_loss(outputs, labels).item<double>() *
            static_cast<double>(count);
    right += (outputs.argmax(1) == labels).sum().item<std::int64_t>();
  }
  model.train();
  return loss / static_cast<double>(samples);
}

/// The same with stock modules on tensors that hold all samples as floats.
void stock_epoch(plain::PlainModel& model, plain::PlainTraining& training,
                 const trial::TrialTask& task, const trainer::TrialBatch& all,
                 const trainer::TrialBatch& validation) {
  const auto& settings = std::get<trial::FullTraining>(task.target);
  loss_of(model, all, trial::loss_samples(settings));
  const torch::Tensor order = torch::randperm(all.inputs.size(0));
  const std::int64_t steps = trial::steps_per_epoch(settings, task.batch_size);
  for (std::int64_t step = 0; step < steps; ++step) {
    const torch::Tensor batch =
        order.narrow(0, step * task.batch_size, task.batch_size);
    (void)training.loss(
        {all.inputs.index_select(0, batch), all.labels.index_select(0, batch)});
    training.update();
  }
  loss_of(model, validation, validation.inputs.size(0));
}

Measured measure_epoch(const Case& subject, const Options& options) {
  const trial::TrialTask task = epoch_of(subject, options);
  const auto& settings = std::get<trial::FullTraining>(task.target);
  const datasets::Split split = datasets::draw_split(
      subject.dataset->info.samples, settings.validation_samples,
      settings.samples, settings.split_seed, task.seed);
  const auto load = [&](const std::vector<std::int64_t>& indices) {
    const trainer::SampleSet set(*subject.dataset, indices,
                                 trainer::batch_form(task), torch::kCPU);
    return set.range(0, set.size());
  };
  const trainer::TrialBatch all = load(split.training);
  const trainer::TrialBatch validation = load(split.validation);
  const auto network = subject.network();
  const auto plain = subject.plain(*network);
  plain::PlainTraining stock(*plain, task.optimizer, task.learning_rate);
  trainer::Training training(*network, task.optimizer, task.learning_rate);
  const auto procedure =
      trainer::make_procedure(settings, task, *subject.dataset, torch::kCPU);
  const auto [plain_seconds, engine_seconds] = compare_sides(
      [&] { stock_epoch(*plain, stock, task, all, validation); },
      [&] { (void)procedure->train(*network, training); }, options.seconds);
  // A step counts as three forward passes.
  const double passes = 3.0 * static_cast<double>(trial::steps_per_epoch(
                                  settings, task.batch_size)) +
                        static_cast<double>(settings.validation_samples +
                                            trial::loss_samples(settings)) /
                            static_cast<double>(task.batch_size);
  return {plain_seconds, engine_seconds, passes * subject.forward_flops()};
}

}  // namespace

int run_epoch(int argc, char** argv) {
  return compare(
      {.description =
           "Measures an epoch of a whole training: LibTorch's modules and\n"
           "AdamW on tensors in memory against the engine, on 8,000 samples "
           "of\n"
           "FashionMNIST with a batch of 64 and one thread, the validation "
           "part\n"
           "of 5,000 samples and the training loss of 1,000 evaluated once "
           "each.\n"
           "GFLOP/s are the engine's: a step counts as three forward passes.",
       .plain = "plain",
       .engine = "engine",
       .draws = 2,
       .seconds = 6,
       .measure = measure_epoch},
      argc, argv);
}

}  // namespace cape::bench
