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

/// Predicts every row by a model that is fitted on the rows that share neither
/// its part of `a` nor its part of `b`.
std::vector<double> predict_left_out(const MetaTable& table,
                                     std::span<const RowIndex> rows,
                                     const Parts& a, const Parts& b,
                                     const Fit& fit) {
  std::set<std::pair<int, int>> cells;
  for (const RowIndex row : rows) cells.emplace(a[row], b[row]);
  std::vector<double> predicted(table.rows.size(),
                                std::numeric_limits<double>::quiet_NaN());
  for (const auto& [part_of_a, part_of_b] : cells) {
    std::vector<RowIndex> fitted;
    std::vector<RowIndex> held_out;
    for (const RowIndex row : rows) {
      const bool in_a = a[row] == part_of_a;
      const bool in_b = b[row] == part_of_b;
      if (in_a && in_b) held_out.push_back(row);
      if (!in_a && !in_b) fitted.push_back(row);
    }
    if (fitted.empty()) continue;
    const std::vector<double> steps = fit(table, fitted)(table, held_out);
    for (std::size_t i = 0; i < held_out.size(); ++i) {
      predicted[held_out[i]] = steps[i];
    }
  }
  return predicted;
}

/// log(measured / predicted). A row that did not converge needs more steps than
/// it ran, so it is off only if fewer are predicted.
double residual_of(const MetaRow& row, double predicted) {
  if (row.converged) return std::log(row.t_star / predicted);
  return std::max(0.0, std::log(row.steps_run / predicted));
}

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return *middle;
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

/// The group of each row: numbers of texts in MetaTable::names, or of
/// trajectories.
using Groups = std::vector<std::uint32_t>;

NoveltyErrors errors_of(const MetaTable& table, std::span<const RowIndex> rows,
                        std::span<const double> predicted,
                        const std::vector<const Groups*>& groups_by_column,
                        double level) {
  NoveltyErrors errors;
  std::vector<double> residuals;
  std::vector<RowIndex> known;
  std::vector<double> logs;
  std::vector<double> distances;
  double accuracies = 0;
  for (const RowIndex i : rows) {
    if (std::isnan(predicted[i])) continue;
    const MetaRow& row = table.rows[i];
    known.push_back(i);
    residuals.push_back(residual_of(row, predicted[i]));
    if (!row.converged) continue;
    logs.push_back(-residuals.back());
    distances.push_back(std::abs(residuals.back()));
    accuracies += accuracy(row.t_star, std::abs(predicted[i] - row.t_star));
  }
  errors.rows = std::ssize(known);
  if (known.empty()) return errors;
  errors.accuracy = accuracies / static_cast<double>(logs.size());
  errors.median_factor = std::exp(median(std::move(distances)));
  errors.median_log_error = median(std::move(logs));
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
  return errors;
}

std::int64_t count_different(std::span<const RowIndex> rows,
                             const Groups& groups) {
  std::set<std::uint32_t> all;
  for (const RowIndex row : rows) all.insert(groups[row]);
  return std::ssize(all);
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
                                      const Sources& sources, double level,
                                      std::uint64_t seed) {
  std::vector<RowIndex> usable;
  std::ranges::copy_if(rows, std::back_inserter(usable), [&](RowIndex row) {
    return has_general_features(table.rows[row]);
  });
  const ModelSettings settings = general_settings(seed);
  if (count_trajectories(table, rows_to_fit(table, usable, settings.censored)) <
      kFewestTrajectories) {
    return std::nullopt;
  }
  Groups kinds(table.rows.size());
  Groups origins(table.rows.size());
  Groups trajectories(table.rows.size());
  std::map<std::string, std::uint32_t> numbers;
  for (const RowIndex i : usable) {
    const MetaRow& row = table.rows[i];
    kinds[i] = row.kind;
    trajectories[i] = row.trajectory;
    // The number of one of its data sets.
    origins[i] =
        numbers.try_emplace(sources.of(table.dataset(row)), row.dataset)
            .first->second;
  }
  const FeatureSet features = varying(feature_set("general"), table, usable);
  const Fit fit = fit_model(features, settings);
  const Parts nothing(table.rows.size(), kNeverHeldOut);
  const auto left_out = [&](const Parts& a, const Parts& b) {
    return predict_left_out(table, usable, a, b, fit);
  };
  const Parts folds = kfold(table, usable, kFolds, seed).part_of_row;
  GeneralFit made = {
      .model = {.model = Model::fit(table, usable, features, settings),
                .errors = {},
                .kinds = {},
                .datasets = {},
                .optimizers = {}},
      .predicted = {
          {Novelty::none, left_out(folds, folds)},
          {Novelty::kind,
           [&] {
             const Parts parts = deal(table, usable, kinds, kKindParts);
             return left_out(parts, parts);
           }()},
          {Novelty::source,
           [&] {
             const Parts parts = deal(table, usable, origins, kSourceParts);
             return left_out(parts, parts);
           }()},
          {Novelty::both,
           left_out(deal(table, usable, kinds, kKindPartsOfBoth),
                    deal(table, usable, origins, kSourcePartsOfBoth))}}};
  for (const RowIndex i : usable) {
    made.model.kinds.insert(table.kind(table.rows[i]));
    made.model.datasets.insert(table.dataset(table.rows[i]));
    made.model.optimizers.insert(table.optimizer(table.rows[i]));
  }
  const std::map<Novelty, std::vector<const Groups*>> columns = {
      {Novelty::none, {&trajectories}},
      {Novelty::kind, {&kinds}},
      {Novelty::source, {&origins}},
      {Novelty::both, {&kinds, &origins}}};
  for (const auto& [novelty, predicted] : made.predicted) {
    NoveltyErrors& errors = made.model.errors[novelty];
    errors = errors_of(table, usable, predicted, columns.at(novelty), level);
    const bool leaves_kinds =
        novelty == Novelty::kind || novelty == Novelty::both;
    const bool leaves_sources =
        novelty == Novelty::source || novelty == Novelty::both;
    errors.kinds = leaves_kinds ? count_different(usable, kinds) : 0;
    errors.sources = leaves_sources ? count_different(usable, origins) : 0;
  }
  return made;
}

}  // namespace cape::predictor
