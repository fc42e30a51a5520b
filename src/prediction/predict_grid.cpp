#include "prediction/predict_grid.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <span>
#include <utility>
#include <variant>

#include "core/error.h"
#include "core/overloaded.h"
#include "prediction/ask_trainers.h"
#include "trainer_client/placement.h"
#include "trainer_client/rows.h"
#include "trainer_client/trainer_query.h"

namespace cape::prediction {
namespace {

/// The number of timed steps: enough for a median of steps of a small network,
/// which are short beside the probe.
constexpr std::int64_t kTimedSteps = 15;

/// As many trainers as there are trajectories. They share the threads of the
/// trainers that are not needed, unless they must make the rows of a farm to
/// the last bit.
std::vector<trainer_client::TrainerCommand> trainers_for(
    const grid::Grid& grid, const std::string& program, bool measure) {
  trainer_client::check_trainer(program);
  const grid::WorkersConfig& workers = grid.config().workers;
  const trainer_client::RankResources rank = trainer_client::inspect_rank(
      workers.device, [&] { return trainer_client::count_gpus(program); });
  const trainer_client::PlacementPlan plan =
      trainer_client::place({rank}, workers);
  for (const std::string& warning : plan.warnings) spdlog::warn("{}", warning);
  const auto& [cpus, devices] = plan.ranks.front();
  const std::int64_t count =
      std::min<std::int64_t>(std::ssize(devices), grid.trajectories());
  std::int64_t threads = workers.threads;
  if (!measure) {
    std::int64_t usable =
        std::min<std::int64_t>(threads * std::ssize(devices), std::ssize(cpus));
    if (rank.cpu_limit > 0) usable = std::min(usable, rank.cpu_limit);
    threads = std::max(threads, usable / count);
  }
  std::vector<trainer_client::TrainerCommand> trainers;
  for (const std::string& device :
       std::span(devices).first(static_cast<std::size_t>(count))) {
    trainers.push_back({program, device, threads});
  }
  return trainers;
}

/// Ends the trajectory after so many steps, whose losses are wanted.
void end_after(std::size_t count, trial::TrialTask& task) {
  const auto steps = static_cast<std::int64_t>(count);
  std::visit(
      Overloaded{
          [&](trial::BatchSteps& settings) {
            settings.max_steps = std::min(steps + 1, settings.max_steps);
            settings.record_at_least = settings.max_steps;
          },
          [&](trial::FullTraining& settings) { settings.stop_after = steps; }},
      task.target);
}

/// What the trainer is to do: no more than is wanted. Only thresholds of the
/// loss are told anything by first steps.
grid::Trajectory shortened(grid::Trajectory trajectory,
                           const PredictionOptions& options) {
  if (options.measure) return trajectory;
  trial::TrialTask& task = trajectory.task;
  if (options.first_steps > 0) {
    std::erase_if(task.criteria, [](const trial::Criterion& criterion) {
      return !std::holds_alternative<trial::Epsilon>(criterion);
    });
  }
  if (options.first_steps > 0 && !task.criteria.empty()) {
    end_after(options.first_steps, task);
  } else {
    task.timed_steps = kTimedSteps;
  }
  return trajectory;
}

std::vector<shard::Row> rows_of(const grid::Trajectory& trajectory,
                                const trial::TrialResult& result,
                                bool measured) {
  if (measured) return trainer_client::make_rows(trajectory, result);
  std::vector<shard::Row> rows;
  for (const trial::Criterion& criterion : trajectory.task.criteria) {
    rows.push_back(
        trainer_client::row_without_outcome(trajectory, result, criterion));
  }
  return rows;
}

/// Why the probe lacks what every model needs; empty if it has all of it.
std::string problem_of(const shard::Row& row) {
  predictor::MetaTable table;
  table.add(row);
  if (predictor::has_paper_features(table.rows.front())) return "";
  return fmt::format("the probe is not finite (log g2 {}, log tau {})",
                     row.log_g2, row.log_tau);
}

/// Those of a training after 0 to `steps` steps, as far as it went. Where it
/// ended before, or diverged, an infinite loss says so: a missing one would be
/// one that is not known.
predictor::FirstLosses first_losses_of(const std::vector<float>& losses,
                                       std::size_t steps) {
  constexpr float kEnd = std::numeric_limits<float>::infinity();
  predictor::FirstLosses first;
  first.fill(std::numeric_limits<float>::quiet_NaN());
  for (std::size_t t = 0; t <= steps; ++t) {
    first.at(t) =
        t < losses.size() && std::isfinite(losses[t]) ? losses[t] : kEnd;
    if (first.at(t) == kEnd) break;
  }
  return first;
}

/// Takes the criteria for which there is no predictor out of all tasks, and
/// says so once. Throws UserError where nothing is left.
void keep_answered(const predictor::Predictors& predictors,
                   std::vector<grid::Trajectory>& trajectories) {
  bool is_any_left = false;
  std::set<std::string> others;
  for (grid::Trajectory& trajectory : trajectories) {
    std::vector<trial::Criterion>& criteria = trajectory.task.criteria;
    std::erase_if(criteria, [&](const trial::Criterion& criterion) {
      if (predictors.contains(trial::name_of(criterion))) return false;
      others.insert(trial::name_of(criterion));
      return true;
    });
    is_any_left |= !criteria.empty();
  }
  const std::string names = fmt::format("{}", fmt::join(others, ", "));
  if (!is_any_left) {
    fail_user(
        "the model has nothing for the criterion {}; fit it on rows with that "
        "criterion, or name another one with --model",
        names);
  }
  if (!others.empty()) {
    spdlog::warn(
        "the model has nothing for the criterion {}, which is left out; fit it "
        "on rows with that criterion, too",
        names);
  }
}

}  // namespace

GridPrediction predict_grid(
    const predictor::Predictors& predictors, const grid::Grid& grid,
    const PredictionOptions& options,
    const std::function<void(std::size_t answered)>& progress) {
  std::vector<grid::Trajectory> trajectories;
  trajectories.reserve(static_cast<std::size_t>(grid.trajectories()));
  for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
    trajectories.push_back(grid.trajectory(i, grid.all_criteria()));
  }
  keep_answered(predictors, trajectories);
  std::vector<grid::Trajectory> asked;
  asked.reserve(trajectories.size());
  for (const grid::Trajectory& trajectory : trajectories) {
    asked.push_back(shortened(trajectory, options));
  }
  const std::vector<Answer> answers = ask_trainers(
      asked, trainers_for(grid, options.trainer.string(), options.measure),
      grid.config().workers.trial_timeout, progress);
  GridPrediction predicted;
  std::set<std::string> said;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].result) {
      for (const std::string& note : answers[i].result->notes) {
        if (said.insert(note).second) spdlog::warn(note);
      }
    }
    std::vector<shard::Row> rows;
    std::string error = answers[i].error;
    if (answers[i].result) {
      rows = rows_of(trajectories[i], *answers[i].result, options.measure);
      error = problem_of(rows.front());
    }
    if (!error.empty()) {
      predicted.failed.push_back({describe(trajectories[i]), error});
      continue;
    }
    for (const shard::Row& row : rows) {
      predicted.cells.push_back(
          {.row = row, .prediction = {}, .measured = options.measure});
      if (options.first_steps > 0 && !predicted.cells.back().stops_early()) {
        predicted.cells.back().first_losses =
            first_losses_of(answers[i].result->losses, options.first_steps);
      }
    }
  }
  predict_cells(predictors, predicted.cells);
  return predicted;
}

}  // namespace cape::prediction
