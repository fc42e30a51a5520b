#include "predictor/evaluation/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <functional>
#include <future>
#include <limits>
#include <map>
#include <string_view>
#include <thread>

namespace cape::predictor {
namespace {

/// A column with more values says nothing by them: each has few rows, such as a
/// learning rate that was drawn for each trial.
constexpr std::size_t kMostGroups = 60;

/// The least N of the group that the row's samples are in.
std::int64_t samples_from(const MetaRow& row) {
  constexpr std::array<std::int64_t, 6> kEdges = {0,    1000,  2500,
                                                  6000, 16000, 40000};
  const std::int64_t samples = std::lround(std::exp(row.training.log_samples));
  return *(std::ranges::upper_bound(kEdges, samples) - 1);
}

/// Adds a group for each value of the column that `value_of` reads.
template <class ValueOf>
void add_groups(std::string_view column, const MetaTable& table,
                std::span<const double> predicted, std::uint64_t seed,
                ValueOf value_of, std::vector<MetricGroup>& groups) {
  std::map<std::decay_t<decltype(value_of(table.rows[0]))>, Scored> parts;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    if (std::isnan(predicted[i])) continue;
    Scored& part = parts[value_of(table.rows[i])];
    part.measured.push_back(table.rows[i].t_star);
    part.predicted.push_back(predicted[i]);
    part.trajectory.push_back(table.rows[i].trajectory);
  }
  if (parts.size() > kMostGroups) return;
  for (const auto& [value, part] : parts) {
    groups.push_back({std::string(column), fmt::format("{}", value),
                      compute_metrics(part.measured, part.predicted),
                      bootstrap(part, seed)});
  }
}

/// The rows among `rows` to fit on when `part` is held out.
std::vector<RowIndex> rows_outside(const MetaTable& table,
                                   std::span<const RowIndex> rows,
                                   const Scheme& scheme, int part,
                                   std::uint64_t seed) {
  std::vector<RowIndex> outside;
  std::ranges::copy_if(rows, std::back_inserter(outside), [&](RowIndex row) {
    return scheme.hidden_from[row] != part;
  });
  const bool leaves_one_out =
      scheme.name == SchemeName::leave_one_dataset_out ||
      scheme.name == SchemeName::leave_one_architecture_out;
  if (!leaves_one_out || outside.size() <= kMostRowsLeftOut) {
    return outside;
  }
  const double fraction = static_cast<double>(kMostRowsLeftOut) /
                          static_cast<double>(outside.size());
  const std::vector<bool> drawn =
      draw_trajectories(table, outside, fraction, seed);
  std::vector<RowIndex> fewer;
  for (std::size_t i = 0; i < outside.size(); ++i) {
    if (drawn[i]) fewer.push_back(outside[i]);
  }
  return fewer;
}

}  // namespace

std::string MetricGroup::name() const {
  return column.empty() ? "overall" : column + "=" + value;
}

void run_parallel(int count, const std::function<void(int)>& run) {
  std::atomic<int> next = 0;
  const auto work = [&] {
    for (int i = next++; i < count; i = next++) run(i);
  };
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  std::vector<std::future<void>> workers;
  for (int i = 1; i < std::min(count, cores); ++i) {
    workers.push_back(std::async(std::launch::async, work));
  }
  work();
  for (std::future<void>& worker : workers) worker.get();
}

std::vector<double> cross_validate(const MetaTable& table,
                                   std::span<const RowIndex> rows,
                                   const Scheme& scheme, const Fit& fit,
                                   std::uint64_t seed) {
  std::vector<double> predicted(table.rows.size(),
                                std::numeric_limits<double>::quiet_NaN());
  // Each part writes to rows of its own. Where there are many rows, one fit
  // uses all cores.
  const auto predict_part = [&](int part) {
    std::vector<RowIndex> held_out;
    for (RowIndex row = 0; row < table.rows.size(); ++row) {
      if (scheme.part_of_row[row] == part) held_out.push_back(row);
    }
    const std::vector<double> steps = fit(
        table, rows_outside(table, rows, scheme, part, seed))(table, held_out);
    for (std::size_t i = 0; i < held_out.size(); ++i) {
      predicted[held_out[i]] = steps[i];
    }
  };
  run_parallel(scheme.parts, predict_part);
  return predicted;
}

std::vector<MetricGroup> group_metrics(const MetaTable& table,
                                       std::span<const double> predicted,
                                       std::uint64_t seed) {
  std::vector<MetricGroup> groups;
  const auto add = [&](std::string_view column, auto value_of) {
    add_groups(column, table, predicted, seed, value_of, groups);
  };
  add("", [](const MetaRow&) { return std::string(); });
  add("family", [&](const MetaRow& row) { return table.family(row); });
  add("dataset", [&](const MetaRow& row) { return table.dataset(row); });
  const auto optimizer = [&](const MetaRow& row) {
    return table.optimizer(row);
  };
  if (std::ranges::any_of(table.rows, [&](const MetaRow& row) {
        return row.optimizer != table.rows.front().optimizer;
      })) {
    add("optimizer", optimizer);
  }
  add("learning_rate", [](const MetaRow& row) { return row.learning_rate; });
  add("batch_size", [](const MetaRow& row) { return row.batch_size; });
  // A table can have rows of another target, which are never predicted.
  const auto all_predicted = [&](auto have) {
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      if (!std::isnan(predicted[i]) && !have(table.rows[i])) return false;
    }
    return true;
  };
  if (all_predicted([](const MetaRow& row) { return !row.counts_epochs; })) {
    add("epsilon", [](const MetaRow& row) { return row.epsilon; });
  }
  if (all_predicted([](const MetaRow& row) {
        return std::isfinite(row.training.log_samples);
      })) {
    add("samples_from", samples_from);
  }
  if (!std::ranges::all_of(table.rows, &MetaRow::converged)) {
    add("converged", [](const MetaRow& row) { return row.converged; });
  }
  return groups;
}

double mae_of(std::span<const MetricGroup> groups, std::string_view name) {
  const auto found = std::ranges::find(groups, name, &MetricGroup::name);
  return found == groups.end() ? std::numeric_limits<double>::quiet_NaN()
                               : found->metrics.mae;
}

}  // namespace cape::predictor
