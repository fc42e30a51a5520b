#include "trainer_client/rows.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/overloaded.h"
#include "trial/stopping_rule.h"

namespace cape::trainer_client {
namespace {

bool same(double a, double b) {
  return a == b || (std::isnan(a) && !std::isfinite(b));
}

bool same(const trial::CriterionResult& a, const trial::CriterionResult& b) {
  return a.criterion == b.criterion && a.t_star == b.t_star &&
         a.stop_reason == b.stop_reason && a.steps_run == b.steps_run &&
         same(a.final_loss, b.final_loss);
}

void add_extended(const trial::ExtendedProbe& probe, shard::Row& row) {
  row.probe_loss = probe.loss;
  row.log_mean_g2 = std::log(probe.mean_g2);
  row.label_entropy = probe.label_entropy;
  row.logit_spread = probe.logit_spread;
  row.log_line_1 = std::log(probe.sign_step_losses[0]);
  row.log_line_2 = std::log(probe.sign_step_losses[1]);
  row.log_line_4 = std::log(probe.sign_step_losses[2]);
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
  require(result.outcomes.size() == task.criteria.size(),
          "not one outcome a criterion");
  for (std::size_t c = 0; c < task.criteria.size(); ++c) {
    require(same(result.outcomes[c], rule.results()[c]),
            "an outcome is not that of its curve");
  }
}

void add_target(const trial::Target& target, shard::Row& row) {
  row.target.assign(trial::name_of(target));
  std::visit(Overloaded{[&](const trial::BatchSteps& steps) {
               row.max_steps = static_cast<std::int32_t>(steps.max_steps);
               row.plateau_window =
                   static_cast<std::int32_t>(steps.plateau_window);
               row.plateau_tolerance = steps.plateau_tolerance;
             }},
             target);
}

void add_optimizer(const trial::Optimizer& optimizer, shard::Row& row) {
  row.optimizer.assign(trial::kind_of(optimizer));
  row.optimizer_json.assign(trial::identity_of(optimizer).dump());
  row.weight_decay = trial::weight_decay_of(optimizer);
}

void add_criterion(const trial::Criterion& criterion, shard::Row& row) {
  std::visit(Overloaded{[&](const trial::Epsilon& epsilon) {
               row.epsilon = epsilon.value;
             }},
             criterion);
}

}  // namespace

void validate_result(const grid::Trajectory& trajectory,
                     const trial::TrialResult& result) {
  const trial::TrialTask& task = trajectory.task;
  require(result.trajectory == task.trajectory, "another trajectory");
  require(
      !zoo::has_known_size(task.architecture) ||
          result.parameters ==
              zoo::parameter_count(task.architecture, trajectory.dataset.shape,
                                   trial::head_of(trajectory.dataset)),
      "the number of parameters is not the architecture's");
  require(!result.losses.empty() &&
              same(result.initial_loss, result.losses.front()),
          "the initial loss is not the first of the curve");
  require(result.probe.extended.has_value() == task.probe.extended,
          "extended features that nobody asked for, or none");
  if (task.timed_steps) {
    require(result.losses.size() == 1 && result.outcomes.empty(),
            "more than a probe and a time");
    return;
  }
  std::visit(Overloaded{[&](const trial::BatchSteps& settings) {
               check_outcomes(settings, task, result);
             }},
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
  add_target(task.target, row);
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
  static_assert(std::variant_size_v<trial::Criterion> == 1);
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
  }
  return rows;
}

}  // namespace cape::trainer_client
