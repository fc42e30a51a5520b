#include "predictor/evaluation/general.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "predictor/data/folds.h"
#include "predictor/data/inputs.h"
#include "predictor/evaluation/evaluate.h"
#include "predictor/evaluation/metrics.h"

namespace cape::predictor {
namespace {

// A part has several kinds or sources where there are more of them, since every
// part is a fit.
constexpr int kKindParts = 10;
constexpr int kSourceParts = 10;
constexpr int kKindPartsOfBoth = 5;
constexpr int kSourcePartsOfBoth = 4;
constexpr int kFolds = 5;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// A number for each row of the table, from 0; kNeverHeldOut for other rows.
using Parts = std::vector<int>;

/// Deals the names to `most` parts, those with the most rows first, each to the
/// part that has the fewest rows.
Parts deal(const MetaTable& table, std::span<const RowIndex> rows,
           std::span<const std::uint32_t> name_of_row, int most) {
  std::map<std::uint32_t, std::int64_t> counts;
  for (const RowIndex row : rows) ++counts[name_of_row[row]];
  std::vector<std::pair<std::int64_t, std::uint32_t>> names;
  names.reserve(counts.size());
  for (const auto& [name, count] : counts) names.emplace_back(count, name);
  std::ranges::sort(names, [&](const auto& a, const auto& b) {
    return std::pair(-a.first, table.names.text(a.second)) <
           std::pair(-b.first, table.names.text(b.second));
  });
  std::vector<std::int64_t> sizes(
      std::min<std::size_t>(static_cast<std::size_t>(most), names.size()));
  std::map<std::uint32_t, int> part_of;
  for (const auto& [count, name] : names) {
    const auto smallest = std::ranges::min_element(sizes);
    *smallest += count;
    part_of[name] = static_cast<int>(smallest - sizes.begin());
  }
  Parts parts(table.rows.size(), kNeverHeldOut);
  for (const RowIndex row : rows) parts[row] = part_of.at(name_of_row[row]);
  return parts;
}

/// The group of each row: numbers of texts in MetaTable::names, or of
/// trajectories.
using Groups = std::vector<std::uint32_t>;

/// How the rows are left out of fits for one novelty: a row is predicted by a
/// fit on those that share neither its part of `a` nor its part of `b`.
struct LeaveOut {
  Novelty novelty;
  Parts a;
  Parts b;
  std::vector<const Groups*> groups;  ///< that are new in turn
};

/// Fits something on the first rows and predicts the second.
using FitAndPredict = std::function<std::vector<double>(
    std::span<const RowIndex> fitted, std::span<const RowIndex> held_out)>;

/// Whether a row can be fitted on.
using Condition = std::function<bool(RowIndex)>;

/// One value for each row of the table, by a fit that has not seen the row; NaN
/// where there was nothing to fit on.
std::vector<double> predict_left_out(const MetaTable& table,
                                     std::span<const RowIndex> rows,
                                     const LeaveOut& way,
                                     const Condition& can_be_fitted,
                                     const FitAndPredict& fit_and_predict) {
  std::set<std::pair<int, int>> parts;
  for (const RowIndex row : rows) parts.emplace(way.a[row], way.b[row]);
  const std::vector<std::pair<int, int>> cells(parts.begin(), parts.end());
  std::vector<double> predicted(table.rows.size(), kNaN);
  run_parallel(static_cast<int>(cells.size()), [&](int cell) {
    const auto [part_of_a, part_of_b] = cells[static_cast<std::size_t>(cell)];
    std::vector<RowIndex> fitted;
    std::vector<RowIndex> held_out;
    for (const RowIndex row : rows) {
      const bool in_a = way.a[row] == part_of_a;
      const bool in_b = way.b[row] == part_of_b;
      if (in_a && in_b) held_out.push_back(row);
      if (!in_a && !in_b) fitted.push_back(row);
    }
    std::erase_if(fitted, [&](RowIndex row) { return !can_be_fitted(row); });
    if (fitted.empty()) return;
    const std::vector<double> values = fit_and_predict(fitted, held_out);
    for (std::size_t i = 0; i < held_out.size(); ++i) {
      predicted[held_out[i]] = values[i];
    }
  });
  return predicted;
}

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
                        const std::vector<const Groups*>& groups_by_column,
                        double level) {
  NoveltyErrors errors;
  std::vector<double> residuals;
  std::vector<RowIndex> known;
  std::vector<double> logs;
  std::vector<double> distances;
  std::vector<double> probabilities;
  std::vector<bool> converged;
  double accuracies = 0;
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
    if (!row.converged) continue;
    logs.push_back(-residual);
    distances.push_back(std::abs(residual));
    accuracies +=
        accuracy(row.t_star, std::abs(predicted.steps[i] - row.t_star));
  }
  errors.rows = std::ssize(known);
  if (logs.empty()) return errors;  // nothing is known of its errors
  errors.accuracy = accuracies / static_cast<double>(logs.size());
  errors.median_factor = std::exp(median(std::move(distances)));
  errors.median_log_error = median(std::move(logs));
  errors.brier = squares / static_cast<double>(errors.rows);
  errors.auc = area_under_curve(probabilities, converged);
  bool is_first = true;
  for (const Groups* const all : groups_by_column) {
    Groups groups;
    for (const RowIndex i : known) groups.push_back((*all)[i]);
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
                             const Groups& groups) {
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

/// A number for each source of data: that of one of its data sets.
Groups sources_of(const MetaTable& table, std::span<const RowIndex> rows,
                  const Sources& sources) {
  Groups groups(table.rows.size());
  std::map<std::string, std::uint32_t> numbers;
  for (const RowIndex i : rows) {
    const MetaRow& row = table.rows[i];
    groups[i] = numbers.try_emplace(sources.of(table.dataset(row)), row.dataset)
                    .first->second;
  }
  return groups;
}

}  // namespace

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
                                      std::uint64_t seed) {
  const ModelSettings settings = general_settings(seed);
  if (count_trajectories(table, rows_to_fit(table, rows, settings.censored)) <
      kFewestTrajectories) {
    return std::nullopt;
  }
  Groups kinds(table.rows.size());
  Groups trajectories(table.rows.size());
  for (const RowIndex i : rows) {
    kinds[i] = table.rows[i].kind;
    trajectories[i] = table.rows[i].trajectory;
  }
  const Groups origins = sources_of(table, rows, sources);
  const Parts folds = kfold(table, rows, kFolds, seed).part_of_row;
  const Parts kind_parts = deal(table, rows, kinds, kKindParts);
  const Parts source_parts = deal(table, rows, origins, kSourceParts);
  const std::vector<LeaveOut> ways = {
      {Novelty::none, folds, folds, {&trajectories}},
      {Novelty::kind, kind_parts, kind_parts, {&kinds}},
      {Novelty::source, source_parts, source_parts, {&origins}},
      {Novelty::both,
       deal(table, rows, kinds, kKindPartsOfBoth),
       deal(table, rows, origins, kSourcePartsOfBoth),
       {&kinds, &origins}}};

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
    errors = errors_of(table, rows, predicted, way.groups, level);
    for (const Groups* const groups : way.groups) {
      if (groups == &kinds) errors.kinds = count_different(rows, kinds);
      if (groups == &origins) errors.sources = count_different(rows, origins);
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
