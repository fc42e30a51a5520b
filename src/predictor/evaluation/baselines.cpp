#include "predictor/evaluation/baselines.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <utility>

#include "predictor/evaluation/curve_extrapolation.h"
#include "predictor/evaluation/metrics.h"
#include "predictor/models/linear.h"

namespace cape::predictor {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

double log_inverse_epsilon(const MetaRow& row) {
  return -std::log(row.epsilon);
}

/// A Predict that looks at one row at a time.
template <class Steps>
Predict predict_each(Steps steps) {
  return [steps = std::move(steps)](const MetaTable& table,
                                    std::span<const RowIndex> rows) {
    std::vector<double> predicted;
    predicted.reserve(rows.size());
    for (const RowIndex row : rows) {
      predicted.push_back(steps(table, table.rows[row]));
    }
    return predicted;
  };
}

FeatureSet scaling_law_features() {
  FeatureSet set = feature_set("paper");
  std::erase_if(set.features, [](const Feature& feature) {
    return feature.name == "log_g2" || feature.name == "log_tau";
  });
  return set;
}

/// Linear regression of the logarithm on these features, without those that do
/// not vary.
Fit fit_linear_in(const FeatureSet& all) {
  return
      [=](const MetaTable& table, std::span<const RowIndex> rows) -> Predict {
        const FeatureSet features = varying(all, table, rows);
        const LinearModel model = fit_linear(
            feature_matrix(table, rows, features), log_steps(table, rows),
            std::vector<double>(features.size(), 0.0));
        return [=](const MetaTable& of, std::span<const RowIndex> wanted) {
          std::vector<double> steps =
              model.predict(feature_matrix(of, wanted, features));
          for (std::size_t i = 0; i < steps.size(); ++i) {
            steps[i] = steps_from_log(steps[i], of.rows[wanted[i]]);
          }
          return steps;
        };
      };
}

/// Trainings that differ only in their random numbers.
using RepeatedTraining = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t,
                                    std::uint32_t, double, std::int32_t>;

RepeatedTraining repeated_training(const MetaRow& row) {
  return {row.description, row.dataset,       row.variant,
          row.optimizer,   row.learning_rate, row.batch_size};
}

/// The trajectories that have a slope, by what they repeat; each list is sorted
/// and has no duplicates.
std::map<RepeatedTraining, std::vector<std::uint32_t>> with_slopes(
    const MetaTable& table) {
  std::map<RepeatedTraining, std::vector<std::uint32_t>> trajectories;
  for (const MetaRow& row : table.rows) {
    if (row.trajectory < table.curve_slopes.size() &&
        !std::isnan(table.curve_slopes[row.trajectory])) {
      trajectories[repeated_training(row)].push_back(row.trajectory);
    }
  }
  for (auto& [training, list] : trajectories) {
    std::ranges::sort(list);
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  return trajectories;
}

/// The slope of the trajectory that comes after the row's own in its list.
float other_slope(const MetaTable& table, const MetaRow& row,
                  const std::vector<std::uint32_t>& list) {
  auto next = std::ranges::upper_bound(list, row.trajectory);
  if (next == list.end()) next = list.begin();
  return *next == row.trajectory ? std::numeric_limits<float>::quiet_NaN()
                                 : table.curve_slopes[*next];
}

double extrapolated(const MetaRow& row, float slope) {
  if (std::isnan(slope)) return kUnknown;
  if (slope >= 0) return row.max_steps;  // the loss does not fall
  return clip_steps(log_inverse_epsilon(row) / -slope, row);
}

/// A cell and an architecture. Published rows of MLPs do not name their
/// architecture; P tells them apart.
using Equals =
    std::tuple<std::uint32_t, std::uint32_t, float, std::uint32_t,
               std::uint32_t, std::uint32_t, double, std::int32_t, double>;

Equals equals_of(const MetaRow& row) {
  return {row.family,        row.description, row.log_p,
          row.dataset,       row.variant,     row.optimizer,
          row.learning_rate, row.batch_size,  row.epsilon};
}

struct Sum {
  double log_steps = 0;
  double rows = 0;

  void add(const MetaRow& row) {
    log_steps += std::log(row.t_star);
    ++rows;
  }
};

FeatureSet settings_features() {
  constexpr std::array kNames = {"log_p",          "log_samples", "log_b",
                                 "log_lr",         "is_adam",     "is_sgd",
                                 "log_log_epsilon"};
  FeatureSet set = feature_set("general");
  std::erase_if(set.features, [&](const Feature& feature) {
    return std::ranges::find(kNames, feature.name) == kNames.end();
  });
  return set;
}

/// The measured number with the best AvgAccuracy if it is predicted for all.
double best_constant(const MetaTable& table, std::span<const RowIndex> rows) {
  std::map<std::int32_t, double> counts;
  for (const RowIndex row : rows) ++counts[table.rows[row].t_star];
  double best = kUnknown;
  double best_sum = -1;
  for (const auto& [candidate, unused] : counts) {
    double sum = 0;
    for (const auto& [measured, count] : counts) {
      sum += count * accuracy(measured, std::abs(measured - candidate));
    }
    if (sum > best_sum) {
      best_sum = sum;
      best = candidate;
    }
  }
  return best;
}

double median_of(const MetaTable& table, std::span<const RowIndex> rows) {
  std::vector<double> measured;
  measured.reserve(rows.size());
  for (const RowIndex row : rows) measured.push_back(table.rows[row].t_star);
  return measured.empty() ? kUnknown : median(std::move(measured));
}

/// A fit that predicts one number for all rows.
template <class Number>
Fit fit_number(Number number) {
  return [number](const MetaTable& table, std::span<const RowIndex> rows) {
    return predict_each(
        [value = number(table, rows)](const MetaTable&, const MetaRow& row) {
          return std::isnan(value) ? value : clip_steps(value, row);
        });
  };
}

}  // namespace

Fit fit_ntkl(bool clipped) {
  return [clipped](const MetaTable&, std::span<const RowIndex>) {
    return predict_each([clipped](const MetaTable&, const MetaRow& row) {
      const double steps = log_inverse_epsilon(row) / std::exp(row.log_tau);
      return clipped ? clip_steps(steps, row) : steps;
    });
  };
}

Fit fit_scaling_law() {
  return fit_by_family(fit_linear_in(scaling_law_features()));
}

Fit fit_curve_extrapolation(CurveOf curve) {
  return [curve](const MetaTable& table, std::span<const RowIndex>) -> Predict {
    return predict_each([curve, trials = with_slopes(table)](
                            const MetaTable& of, const MetaRow& row) {
      const auto found = trials.find(repeated_training(row));
      if (found == trials.end()) return kUnknown;
      const float other = other_slope(of, row, found->second);
      if (curve == CurveOf::another_trial) return extrapolated(row, other);
      // Where another trial has a curve, the row's own is not used.
      if (!std::isnan(other)) return kUnknown;
      return extrapolated(row, of.curve_slopes[row.trajectory]);
    });
  };
}

Fit fit_validation_extrapolation() {
  return [](const MetaTable&, std::span<const RowIndex>) {
    return predict_each([](const MetaTable&, const MetaRow& row) {
      const std::vector<double> losses(row.first_validation.begin(),
                                       row.first_validation.end());
      if (std::isnan(losses.back())) return kUnknown;
      const EarlyStop stop = extrapolate_stop(
          losses,
          {static_cast<int>(std::lround(std::exp(row.training.log_patience))),
           row.training.min_delta, row.max_steps});
      return clip_steps(stop.best_epoch, row);
    });
  };
}

Fit fit_constant() { return fit_number(best_constant); }

Fit fit_family_median() { return fit_by_family(fit_number(median_of)); }

Fit fit_linear_in_settings() { return fit_linear_in(settings_features()); }

Fit fit_floor() {
  return [](const MetaTable& table, std::span<const RowIndex> rows) -> Predict {
    std::map<Equals, Sum> cells;
    std::map<std::pair<Equals, std::uint32_t>, Sum> own;
    for (const RowIndex i : rows) {
      const MetaRow& row = table.rows[i];
      cells[equals_of(row)].add(row);
      own[{equals_of(row), row.trajectory}].add(row);
    }
    return predict_each([cells = std::move(cells), own = std::move(own)](
                            const MetaTable&, const MetaRow& row) {
      const auto cell = cells.find(equals_of(row));
      if (cell == cells.end()) return kUnknown;
      Sum others = cell->second;
      const auto mine = own.find({equals_of(row), row.trajectory});
      if (mine != own.end()) {
        others.log_steps -= mine->second.log_steps;
        others.rows -= mine->second.rows;
      }
      if (others.rows == 0) return kUnknown;
      return steps_from_log(others.log_steps / others.rows, row);
    });
  };
}

}  // namespace cape::predictor
