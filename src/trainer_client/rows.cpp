#include "trainer_client/rows.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "core/overloaded.h"
#include "trial/full_training_rule.h"
#include "trial/stopping_rule.h"

namespace cape::trainer_client {
namespace {

bool same(double a, double b) {
  return a == b || (std::isnan(a) && !std::isfinite(b));
}

bool same(const trial::CriterionResult& a, const trial::CriterionResult& b) {
  return a.criterion == b.criterion && a.t_star == b.t_star &&
         a.stop_reason == b.stop_reason && a.steps_run == b.steps_run &&
         same(a.final_loss, b.final_loss) &&
         a.best.has_value() == b.best.has_value() &&
         (!a.best ||
          (a.best->epoch == b.best->epoch &&
           same(a.best->validation.loss, b.best->validation.loss) &&
           same(a.best->validation.score, b.best->validation.score)));
}

void add_training_mode(const trial::TrainingModeProbe& probe, shard::Row& row) {
  row.train_loss_0 = probe.loss;
  row.train_mean_gradient2 = probe.mean_g2;
  row.train_gradient_l1 = probe.gradient_l1;
  row.train_step_loss_1 = probe.step_losses[0];
  row.train_step_loss_2 = probe.step_losses[1];
  row.train_step_loss_4 = probe.step_losses[2];
  row.train_step_loss_8 = probe.step_losses[3];
  row.probe_dropout = probe.dropout;
}

void add_kernel(const trial::SetFeatures& set, shard::Row& row) {
  const auto add = [](const trial::SetFeatures::KernelLosses& losses,
                      auto&... columns) {
    const double* next = losses.data();
    ((columns = *next++), ...);
    static_assert(sizeof...(columns) ==
                  std::tuple_size_v<trial::SetFeatures::KernelLosses>);
  };
  add(set.kernel_training, row.set_kernel_training_0, row.set_kernel_training_2,
      row.set_kernel_training_4, row.set_kernel_training_6,
      row.set_kernel_training_8);
  add(set.kernel_held_out, row.set_kernel_held_out_0, row.set_kernel_held_out_2,
      row.set_kernel_held_out_4, row.set_kernel_held_out_6,
      row.set_kernel_held_out_8);
}

void add_extended(const trial::ExtendedProbe& probe, shard::Row& row) {
  row.probe_loss = probe.loss;
  row.log_mean_g2 = std::log(probe.mean_g2);
  row.label_entropy = probe.label_entropy;
  row.logit_spread = probe.logit_spread;
  add_training_mode(probe.training_mode, row);
  row.input_rms = probe.batch.input_rms;
  row.effective_rank = probe.batch.effective_rank;
  row.neighbour_agreement = probe.batch.neighbour_agreement;
  row.constant_inputs = probe.batch.constant_inputs;
  row.weight_layers = probe.network.weight_layers;
  row.widest_layer = probe.network.widest_layer;
  row.convolution_share = probe.network.convolution_share;
  row.norm_parameters = probe.network.norm_parameters;
  row.recurrent_weights = probe.network.recurrent_weights;
  row.dropout_rate = probe.dropout_rate;
  if (probe.set) {
    row.set_agreement_100 = probe.set->agreement_few;
    row.set_agreement_400 = probe.set->agreement_many;
    row.set_rank_400 = probe.set->rank_many;
    add_kernel(*probe.set, row);
  }
}

void add_variant(const datasets::Variant& variant, shard::Row& row) {
  if (variant != datasets::Variant{}) {
    row.variant.assign(to_json(variant).dump());
  }
  row.label_noise = variant.label_noise;
  row.lowres = static_cast<std::int32_t>(variant.lowres);
  row.inverted = variant.invert;
  row.input_scale = variant.scale;
  row.input_noise = variant.noise;
}

void require(bool holds, const char* what) {
  if (!holds) fail("the trainer's answer is wrong: {}", what);
}

void compare_outcomes(const trial::TrialTask& task,
                      const trial::TrialResult& result,
                      const std::vector<trial::CriterionResult>& expected) {
  require(result.outcomes.size() == task.criteria.size(),
          "not one outcome a criterion");
  for (std::size_t c = 0; c < task.criteria.size(); ++c) {
    require(same(result.outcomes[c], expected[c]),
            "an outcome is not that of its curve");
  }
}

/// The outcomes must be those that the rule gives for the losses.
void check_outcomes(const trial::FullTraining& settings,
                    const trial::TrialTask& task,
                    const trial::TrialResult& result) {
  trial::FullTrainingRule rule(settings, task.batch_size, task.criteria);
  require(result.validation_scores.size() == result.validation_losses.size(),
          "not one score an epoch");
  while (const auto wanted = rule.next()) {
    if (wanted->is_validation) {
      const std::size_t epoch = rule.validation_losses().size();
      require(epoch < result.validation_losses.size(),
              "the training ends before the rule does");
      rule.observe_validation(result.validation_losses[epoch],
                              result.validation_scores[epoch]);
    } else {
      const std::size_t look = rule.losses().size();
      require(look < result.losses.size(),
              "the curve ends before the rule does");
      rule.observe_loss(result.losses[look]);
    }
  }
  require(
      rule.losses().size() == result.losses.size() &&
          rule.validation_losses().size() == result.validation_losses.size(),
      "the training goes on after its end");
  compare_outcomes(task, result, rule.results());
}

/// The outcomes must be those that the stopping rule gives for the losses.
void check_outcomes(const trial::BatchSteps& settings,
                    const trial::TrialTask& task,
                    const trial::TrialResult& result) {
  trial::StoppingRule rule(settings, task.criteria);
  for (std::size_t t = 0; t < result.losses.size(); ++t) {
    const bool goes_on = rule.observe(result.losses[t]);
    require(goes_on == (t + 1 < result.losses.size()),
            "the curve ends where the stopping rule does not");
  }
  compare_outcomes(task, result, rule.results());
}

std::int32_t narrow(std::int64_t count) {
  return static_cast<std::int32_t>(count);
}

void add_target(const trial::TrialTask& task, shard::Row& row) {
  row.target.assign(trial::name_of(task.target));
  row.max_steps = narrow(trial::max_steps_of(task.target, task.batch_size));
  std::visit(Overloaded{[&](const trial::BatchSteps& steps) {
                          row.plateau_window = narrow(steps.plateau_window);
                          row.plateau_tolerance = steps.plateau_tolerance;
                        },
                        [&](const trial::FullTraining& training) {
                          // The plateau rule of batch_steps has no say.
                          row.plateau_window = 0;
                          row.plateau_tolerance = 0;
                          row.samples = training.samples;
                          row.validation_samples = training.validation_samples;
                          row.steps_per_epoch = narrow(trial::steps_per_epoch(
                              training, task.batch_size));
                          row.max_epochs = narrow(training.max_epochs);
                          row.patience = narrow(training.patience);
                          row.min_delta = training.min_delta;
                        }},
             task.target);
}

void add_optimizer(const trial::Optimizer& optimizer, shard::Row& row) {
  row.optimizer.assign(trial::kind_of(optimizer));
  row.optimizer_json.assign(trial::identity_of(optimizer).dump());
  row.weight_decay = trial::weight_decay_of(optimizer);
}

void add_criterion(const trial::Criterion& criterion, shard::Row& row) {
  row.criterion.assign(trial::name_of(criterion));
  std::visit(Overloaded{[&](const trial::Epsilon& epsilon) {
                          row.epsilon = epsilon.value;
                        },
                        [&](const trial::EarlyStopping& stopping) {
                          row.patience = narrow(stopping.patience);
                          row.min_delta = stopping.min_delta;
                        }},
             criterion);
}

}  // namespace

void validate_result(const grid::Trajectory& trajectory,
                     const trial::TrialResult& result) {
  const trial::TrialTask& task = trajectory.task;
  require(result.trajectory == task.trajectory, "another trajectory");
  require(!zoo::has_known_size(task.architecture) ||
              result.parameters ==
                  zoo::parameter_count(task.architecture,
                                       trial::sample_of(trajectory.dataset),
                                       trial::head_of(trajectory.dataset)),
          "the number of parameters is not the architecture's");
  require(!result.losses.empty() &&
              same(result.initial_loss, result.losses.front()),
          "the initial loss is not the first of the curve");
  require(result.probe.extended.has_value() == task.probe.extended,
          "extended features that nobody asked for, or none");
  if (task.timed_steps) {
    require(result.losses.size() == 1 && result.outcomes.empty() &&
                result.validation_losses.empty(),
            "more than a probe and a time");
    return;
  }
  std::visit(
      [&](const auto& settings) { check_outcomes(settings, task, result); },
      task.target);
}

static shard::Row common_row(const grid::Trajectory& trajectory,
                             const trial::TrialResult& result) {
  const trial::TrialTask& task = trajectory.task;
  const datasets::DatasetInfo& dataset = trajectory.dataset;
  shard::Row row;
  row.trajectory.assign(task.trajectory);
  row.family.assign(zoo::family(task.architecture));
  row.architecture.assign(zoo::short_name(task.architecture));
  row.architecture_json.assign(zoo::describe(task.architecture).dump());
  row.dataset.assign(dataset.name);
  add_variant(task.dataset.variant, row);
  row.task.assign(to_string(dataset.task));
  add_target(task, row);
  add_optimizer(task.optimizer, row);
  row.revision = zoo::revision(task.architecture);
  row.learning_rate = task.learning_rate;
  row.batch_size = static_cast<std::int32_t>(task.batch_size);
  row.trial = trajectory.trial;
  row.log_p = std::log(static_cast<double>(result.parameters));
  row.log_n = std::log(static_cast<double>(dataset.train_size));
  row.log_lr = std::log(task.learning_rate);
  row.log_b = std::log(static_cast<double>(task.batch_size));
  row.classes = static_cast<std::int32_t>(dataset.classes);
  row.input_size = datasets::sample_size(dataset);
  add_probe(result, row);
  row.initial_loss = result.initial_loss;
  row.samples_available = dataset.samples;
  row.seed = task.seed;
  row.step_seconds = result.step_seconds;
  row.evaluation_seconds = result.evaluation_seconds;
  row.device.assign(result.device);
  row.threads = static_cast<std::int32_t>(result.threads);
  return row;
}

void add_probe(const trial::TrialResult& result, shard::Row& row) {
  row.log_g2 = std::log(result.probe.g2);
  row.log_tau = std::log(result.probe.tau);
  if (result.probe.extended) add_extended(*result.probe.extended, row);
  row.probe_version = trial::kProbeVersion;
  row.probe_seconds = result.probe_seconds;
}

shard::Row row_without_outcome(const grid::Trajectory& trajectory,
                               const trial::TrialResult& result,
                               const trial::Criterion& criterion) {
  shard::Row row = common_row(trajectory, result);
  row.key.assign(trial::cell_key(trajectory.task.trajectory, criterion));
  add_criterion(criterion, row);
  return row;
}

trial::Criterion criterion_of(const shard::Row& row) {
  static_assert(std::variant_size_v<trial::Criterion> == 2);
  const trial::EarlyStopping stopping{row.patience, row.min_delta};
  if (row.criterion.view() == trial::name_of(stopping)) return stopping;
  return trial::Epsilon{row.epsilon};
}

std::vector<shard::Row> make_rows(const grid::Trajectory& trajectory,
                                  const trial::TrialResult& result) {
  std::vector<shard::Row> rows;
  for (const trial::CriterionResult& outcome : result.outcomes) {
    shard::Row& row = rows.emplace_back(
        row_without_outcome(trajectory, result, outcome.criterion));
    row.final_loss = outcome.final_loss;
    row.t_star = static_cast<std::int32_t>(outcome.t_star);
    row.converged = outcome.converged();
    row.stop_reason.assign(to_string(outcome.stop_reason));
    row.steps_run = static_cast<std::int32_t>(outcome.steps_run);
    if (row.steps_per_epoch > 0) {
      row.epochs = static_cast<double>(row.steps_run) / row.steps_per_epoch;
    }
    if (outcome.best) {
      row.best_epoch = narrow(outcome.best->epoch);
      row.validation_loss = outcome.best->validation.loss;
      row.validation_accuracy = outcome.best->validation.score;
    }
  }
  return rows;
}

shard::Curves curves_of(const grid::Trajectory& trajectory,
                        const trial::TrialResult& result) {
  return std::visit(
      Overloaded{[&](const trial::BatchSteps&) {
                   return shard::Curves(result.losses);
                 },
                 [&](const trial::FullTraining& training) {
                   shard::Curves curves(result.losses,
                                        result.validation_losses);
                   std::int64_t look = 0;
                   for (std::int32_t& step : curves.training.steps) {
                     step = narrow(std::exchange(look, trial::next_look(look)));
                   }
                   const std::int32_t epoch = narrow(trial::steps_per_epoch(
                       training, trajectory.task.batch_size));
                   for (std::int32_t& step : curves.validation.steps) {
                     step = (step + 1) * epoch;
                   }
                   return curves;
                 }},
      trajectory.task.target);
}

}  // namespace cape::trainer_client
