#include "predictor/evaluation/general.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "predictor/data/inputs.h"
#include "predictor/evaluation/left_out.h"
#include "predictor/evaluation/metrics.h"
#include "predictor/evaluation/regressor.h"

namespace cape::predictor {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// log(measured / predicted). A row that did not converge needs more steps than
/// it ran, so it is off only if fewer are predicted.
double residual_of(const MetaRow& row, double predicted) {
  if (row.converged || std::isnan(predicted)) {
    return std::log(row.t_star / predicted);
  }
  return std::max(0.0, std::log(row.steps_run / predicted));
}

/// The wider one; nothing where one of them is not known.
std::optional<Offsets> widest(const std::optional<Offsets>& a,
                              const std::optional<Offsets>& b) {
  if (!a || !b) return std::nullopt;
  return Offsets{std::min(a->lower, b->lower), std::max(a->upper, b->upper)};
}

/// The share of the rows that the offsets of the other groups cover, each group
/// counting the same.
double covered_by_others(std::span<const double> residuals,
                         std::span<const std::uint32_t> all_groups,
                         double level) {
  // Each group is left out in turn, so where there are many, some are merged.
  constexpr std::uint32_t kMostGroups = 50;
  std::vector<std::uint32_t> groups(all_groups.begin(), all_groups.end());
  if (std::set(groups.begin(), groups.end()).size() > kMostGroups) {
    for (std::uint32_t& group : groups) group %= kMostGroups;
  }
  const std::set<std::uint32_t> all(groups.begin(), groups.end());
  double sum = 0;
  for (const std::uint32_t one : all) {
    std::vector<double> others;
    std::vector<std::uint32_t> groups_of_others;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (groups[i] == one) continue;
      others.push_back(residuals[i]);
      groups_of_others.push_back(groups[i]);
    }
    const auto offsets = group_offsets(others, groups_of_others, level);
    double inside = 0;
    double count = 0;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (groups[i] != one) continue;
      ++count;
      if (!offsets ||
          (offsets->lower <= residuals[i] && residuals[i] <= offsets->upper)) {
        ++inside;
      }
    }
    sum += inside / count;
  }
  return sum / static_cast<double>(all.size());
}

/// What was predicted of rows by fits that had not seen them.
struct LeftOut {
  std::vector<double> steps;
  std::vector<double> spread;
  std::vector<double> probability;  ///< of converging
};

NoveltyErrors errors_of(const MetaTable& table, std::span<const RowIndex> rows,
                        const LeftOut& predicted,
                        const std::vector<Grouping>& groupings, double level) {
  NoveltyErrors errors;
  std::vector<double> residuals;
  std::vector<RowIndex> known;
  std::vector<double> probabilities;
  std::vector<bool> converged;
  double squares = 0;
  for (const RowIndex i : rows) {
    if (std::isnan(predicted.steps[i]) || std::isnan(predicted.spread[i])) {
      continue;
    }
    const MetaRow& row = table.rows[i];
    const double residual = residual_of(row, predicted.steps[i]);
    known.push_back(i);
    residuals.push_back(residual / predicted.spread[i]);
    probabilities.push_back(predicted.probability[i]);
    converged.push_back(row.converged);
    squares += std::pow(predicted.probability[i] - (row.converged ? 1 : 0), 2);
  }
  errors.rows = std::ssize(known);
  const StepErrors of_steps = step_errors(table, known, predicted.steps);
  if (std::isnan(of_steps.accuracy)) return errors;  // nothing is known
  errors.accuracy = of_steps.accuracy;
  errors.median_factor = of_steps.median_factor;
  errors.median_log_error = of_steps.median_log_error;
  errors.brier = squares / static_cast<double>(errors.rows);
  errors.auc = area_under_curve(probabilities, converged);
  bool is_first = true;
  for (const Grouping& grouping : groupings) {
    std::vector<std::uint32_t> groups;
    groups.reserve(known.size());
    for (const RowIndex i : known) groups.push_back(grouping.groups[i]);
    const auto offsets = group_offsets(residuals, groups, level);
    const double covered = covered_by_others(residuals, groups, level);
    errors.offsets = is_first ? offsets : widest(errors.offsets, offsets);
    errors.covered = is_first ? covered : std::min(errors.covered, covered);
    is_first = false;
  }
  if (errors.offsets) {
    std::vector<double> widths;
    for (const RowIndex i : known) {
      const MetaRow& row = table.rows[i];
      const double centre = std::log(predicted.steps[i]);
      const double spread = predicted.spread[i];
      widths.push_back(std::log(
          steps_from_log(centre + errors.offsets->upper * spread, row) /
          steps_from_log(centre + errors.offsets->lower * spread, row)));
    }
    errors.ratio = std::exp(median(std::move(widths)));
  }
  return errors;
}

std::int64_t count_different(std::span<const RowIndex> rows,
                             const std::vector<std::uint32_t>& groups) {
  std::set<std::uint32_t> all;
  for (const RowIndex row : rows) all.insert(groups[row]);
  return std::ssize(all);
}

/// What a fit of the spread learns from, by row of the table: how far off the
/// steps are where kind and source are new, or at least the trajectory. Missing
/// where that is not known: a row that did not converge, of which more steps
/// than it ran were predicted, says nothing of how far off they are.
std::vector<float> spread_targets(const MetaTable& table,
                                  std::span<const RowIndex> rows,
                                  const std::vector<double>& new_to_both,
                                  const std::vector<double>& new_trajectory) {
  std::vector<float> targets(table.rows.size(), kMissing);
  for (const RowIndex i : rows) {
    const double residual = residual_of(
        table.rows[i],
        std::isnan(new_to_both[i]) ? new_trajectory[i] : new_to_both[i]);
    if (table.rows[i].converged || residual > 0) {
      targets[i] = log_spread(residual);
    }
  }
  return targets;
}

std::vector<float> converged_or_not(const MetaTable& table) {
  std::vector<float> targets;
  targets.reserve(table.rows.size());
  for (const MetaRow& row : table.rows) {
    targets.push_back(row.converged ? 1.F : 0.F);
  }
  return targets;
}

/// Fits the targets of the given rows, where they are not missing.
Booster fit_targets(const MetaTable& table, std::span<const RowIndex> rows,
                    const FeatureSet& features,
                    std::span<const float> targets_of_table,
                    const BoosterSettings& settings) {
  std::vector<RowIndex> known;
  std::vector<float> targets;
  for (const RowIndex row : rows) {
    if (std::isnan(targets_of_table[row])) continue;
    known.push_back(row);
    targets.push_back(targets_of_table[row]);
  }
  const Matrix x = feature_matrix(table, known, features);
  return Booster::train({.x = x, .target = targets}, features.names(),
                        settings);
}

}  // namespace

StepErrors step_errors(const MetaTable& table, std::span<const RowIndex> rows,
                       const std::vector<double>& predicted) {
  std::vector<double> logs;
  std::vector<double> distances;
  double accuracies = 0;
  for (const RowIndex i : rows) {
    const MetaRow& row = table.rows[i];
    if (!row.converged || std::isnan(predicted[i])) continue;
    logs.push_back(std::log(predicted[i] / row.t_star));
    distances.push_back(std::abs(logs.back()));
    accuracies += accuracy(row.t_star, std::abs(predicted[i] - row.t_star));
  }
  if (logs.empty()) return {};
  return {.accuracy = accuracies / static_cast<double>(logs.size()),
          .median_factor = std::exp(median(std::move(distances))),
          .median_log_error = median(std::move(logs))};
}

std::optional<Offsets> group_offsets(std::span<const double> residuals,
                                     std::span<const std::uint32_t> groups,
                                     double level) {
  std::map<std::uint32_t, double> sizes;
  for (const std::uint32_t group : groups) ++sizes[group];
  std::vector<std::pair<double, double>> weighted;  // |residual|, weight
  for (std::size_t i = 0; i < residuals.size(); ++i) {
    weighted.emplace_back(
        std::abs(residuals[i]),
        1 / sizes.at(groups[i]) / static_cast<double>(sizes.size() + 1));
  }
  std::ranges::sort(weighted);
  double sum = 0;
  for (const auto& [distance, weight] : weighted) {
    sum += weight;
    // The sum of many small weights is not exact.
    if (sum >= level - 1e-9) return Offsets{-distance, distance};
  }
  return std::nullopt;
}

std::optional<GeneralFit> fit_general(const MetaTable& table,
                                      std::span<const RowIndex> rows,
                                      const FeatureSet& features,
                                      const Sources& sources, double level,
                                      const ModelSettings& settings) {
  const std::uint64_t seed = settings.booster.seed;
  if (count_trajectories(table, rows_to_fit(table, rows, settings.censored)) <
      kFewestTrajectories) {
    return std::nullopt;
  }
  const std::vector<LeaveOut> ways =
      ways_to_leave_out(table, rows, sources, seed);
  const FeatureSet used = varying(features, table, rows);
  const Fit fit_steps = fit_model(used, settings);
  std::map<Novelty, LeftOut> left_out;
  for (const LeaveOut& way : ways) {
    left_out[way.novelty].steps = predict_left_out(
        table, rows, way,
        [&](RowIndex row) { return table.rows[row].converged; },
        [&](std::span<const RowIndex> fitted,
            std::span<const RowIndex> held_out) {
          return fit_steps(table, fitted)(table, held_out);
        });
  }
  const std::vector<float> spreads =
      spread_targets(table, rows, left_out[Novelty::both].steps,
                     left_out[Novelty::none].steps);
  const std::vector<float> converged = converged_or_not(table);
  const auto fit_spread = [&](std::span<const RowIndex> fitted) {
    return fit_targets(table, fitted, used, spreads, spread_settings(seed));
  };
  const auto fit_convergence = [&](std::span<const RowIndex> fitted) {
    return fit_targets(table, fitted, used, converged,
                       convergence_settings(seed));
  };
  GeneralFit made = {.model = {.model = Model::fit(table, rows, used, settings),
                               .spread = fit_spread(rows),
                               .convergence = fit_convergence(rows),
                               .errors = {},
                               .kinds = {},
                               .datasets = {},
                               .optimizers = {}},
                     .predicted = {}};
  for (const LeaveOut& way : ways) {
    LeftOut& predicted = left_out[way.novelty];
    predicted.spread = predict_left_out(
        table, rows, way,
        [&](RowIndex row) { return !std::isnan(spreads[row]); },
        [&](std::span<const RowIndex> fitted,
            std::span<const RowIndex> held_out) {
          return spreads_from(fit_spread(fitted),
                              feature_matrix(table, held_out, used));
        });
    predicted.probability = predict_left_out(
        table, rows, way, [](RowIndex) { return true; },
        [&](std::span<const RowIndex> fitted,
            std::span<const RowIndex> held_out) {
          return probabilities_from(fit_convergence(fitted),
                                    feature_matrix(table, held_out, used));
        });
    NoveltyErrors& errors = made.model.errors[way.novelty];
    errors = errors_of(table, rows, predicted, way.groupings, level);
    for (const auto& [by, groups] : way.groupings) {
      if (by == GroupedBy::kind) errors.kinds = count_different(rows, groups);
      if (by == GroupedBy::source) {
        errors.sources = count_different(rows, groups);
      }
    }
    made.predicted[way.novelty] = std::move(predicted.steps);
  }
  for (const RowIndex i : rows) {
    made.model.kinds.insert(table.kind(table.rows[i]));
    made.model.datasets.insert(table.dataset(table.rows[i]));
    made.model.optimizers.insert(table.optimizer(table.rows[i]));
  }
  return made;
}

}  // namespace cape::predictor
