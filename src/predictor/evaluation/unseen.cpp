#include "predictor/evaluation/unseen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/random.h"
#include "predictor/evaluation/left_out.h"
#include "predictor/evaluation/metrics.h"

namespace cape::predictor {
namespace {

constexpr int kSamples = 500;

/// Sums over the rows of one group.
struct GroupSums {
  double accuracy = 0;
  double log_error = 0;
  double rows = 0;
};

MetricInterval percentiles(std::vector<double>& values) {
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(
        share * static_cast<double>(values.size() - 1))];
  };
  return {at(0.025), at(0.975)};
}

void add_intervals(const std::map<std::uint32_t, GroupSums>& by_group,
                   std::uint64_t seed, UnseenScore& score) {
  std::vector<GroupSums> groups;
  groups.reserve(by_group.size());
  for (const auto& [group, sums] : by_group) groups.push_back(sums);
  Random random(seed);
  std::vector<double> accuracies;
  std::vector<double> log_errors;
  for (int sample = 0; sample < kSamples; ++sample) {
    GroupSums drawn;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      const GroupSums& one = random.choose(std::span<const GroupSums>(groups));
      drawn.accuracy += one.accuracy;
      drawn.log_error += one.log_error;
      drawn.rows += one.rows;
    }
    accuracies.push_back(drawn.accuracy / drawn.rows);
    log_errors.push_back(drawn.log_error / drawn.rows);
  }
  score.accuracy_interval = percentiles(accuracies);
  score.log_mae_interval = percentiles(log_errors);
}

/// The scores of steps that were predicted for the given rows.
UnseenScore score_of(const MetaTable& table, std::span<const RowIndex> rows,
                     const Grouping& grouping,
                     std::span<const double> predicted, std::uint64_t seed) {
  UnseenScore score;
  std::map<std::uint32_t, GroupSums> groups;
  std::vector<double> measured_logs, predicted_logs, distances, errors;
  std::vector<double> measured_epochs, predicted_epochs;
  for (const RowIndex i : rows) {
    if (std::isnan(predicted[i])) continue;
    const MetaRow& row = table.rows[i];
    const double measured = row.t_star;
    const double error = std::log(predicted[i] / measured);
    GroupSums& sums = groups[grouping.groups[i]];
    sums.accuracy += accuracy(measured, std::abs(predicted[i] - measured));
    sums.log_error += std::abs(error);
    ++sums.rows;
    errors.push_back(error);
    distances.push_back(std::abs(error));
    measured_logs.push_back(std::log(measured));
    predicted_logs.push_back(std::log(predicted[i]));
    const double epoch = row.training.log_steps_per_epoch;
    measured_epochs.push_back(measured_logs.back() - epoch);
    predicted_epochs.push_back(predicted_logs.back() - epoch);
    score.accuracy += accuracy(measured, std::abs(predicted[i] - measured));
    score.log_mae += std::abs(error);
  }
  score.rows = std::ssize(errors);
  if (errors.empty()) return score;
  score.accuracy /= static_cast<double>(score.rows);
  score.log_mae /= static_cast<double>(score.rows);
  score.median_factor = std::exp(median(std::move(distances)));
  score.median_log_error = median(std::move(errors));
  score.log_correlation = correlation(measured_logs, predicted_logs);
  const bool counts_epochs = table.rows[rows.front()].counts_epochs;
  score.epoch_correlation =
      counts_epochs ? std::numeric_limits<double>::quiet_NaN()
                    : correlation(measured_epochs, predicted_epochs);
  add_intervals(groups, seed, score);
  return score;
}

}  // namespace

std::vector<UnseenScore> compare_unseen(
    const MetaTable& table, std::span<const RowIndex> rows,
    const Sources& sources,
    const std::map<Novelty, std::vector<double>>& general,
    const std::vector<Regressor>& others, std::uint64_t seed) {
  std::vector<UnseenScore> scores;
  for (const LeaveOut& way : ways_to_leave_out(table, rows, sources, seed)) {
    const std::vector<double>& own = general.at(way.novelty);
    std::vector<RowIndex> scored;
    std::ranges::copy_if(rows, std::back_inserter(scored), [&](RowIndex i) {
      return table.rows[i].converged && !std::isnan(own[i]);
    });
    const auto add = [&](const std::string& name, const std::string& about,
                         std::span<const double> predicted) {
      UnseenScore score =
          score_of(table, scored, way.groupings.back(), predicted, seed);
      if (score.rows == 0) return;
      score.novelty = way.novelty;
      score.model = name;
      score.description = about;
      scores.push_back(std::move(score));
    };
    add("general", "the model without names", own);
    for (const Regressor& other : others) {
      add(other.name, other.description,
          predict_left_out(
              table, rows, way,
              [&](RowIndex i) { return table.rows[i].converged; },
              [&](std::span<const RowIndex> fitted,
                  std::span<const RowIndex> held_out) {
                return other.fit(table, fitted)(table, held_out);
              }));
    }
  }
  return scores;
}

}  // namespace cape::predictor
