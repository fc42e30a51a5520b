#include "predictor/evaluation/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "core/random.h"
#include "predictor/evaluation/metrics.h"

namespace cape::predictor {
namespace {

constexpr std::size_t kMostSamples = 200;
constexpr std::size_t kFewestSamples = 50;
constexpr std::size_t kWork = 20'000'000;  // trajectories x samples

/// The sums from which the metrics of a set of rows are computed. Sums of
/// trajectories can be added.
struct Sums {
  double rows = 0;
  double error = 0;
  double squared_error = 0;
  double accuracies = 0;
  double measured = 0;
  double squared_measured = 0;

  void add(double t, double predicted) {
    const double e = std::abs(predicted - t);
    rows += 1;
    error += e;
    squared_error += e * e;
    accuracies += accuracy(t, e);
    measured += t;
    squared_measured += t * t;
  }
  Sums& operator+=(const Sums& other) {
    rows += other.rows;
    error += other.error;
    squared_error += other.squared_error;
    accuracies += other.accuracies;
    measured += other.measured;
    squared_measured += other.squared_measured;
    return *this;
  }
  double r2() const {
    return 1 - squared_error / (squared_measured - measured * measured / rows);
  }
};

std::vector<Sums> sums_by_trajectory(const Scored& scored) {
  std::unordered_map<std::uint32_t, std::size_t> places;
  std::vector<Sums> sums;
  for (std::size_t i = 0; i < scored.measured.size(); ++i) {
    const auto [place, is_new] =
        places.try_emplace(scored.trajectory[i], sums.size());
    if (is_new) sums.emplace_back();
    sums[place->second].add(scored.measured[i], scored.predicted[i]);
  }
  return sums;
}

MetricInterval interval(std::vector<double> values) {
  for (const double value : values) {
    if (std::isnan(value)) return {value, value};
  }
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(
        std::round(share * static_cast<double>(values.size() - 1)))];
  };
  return {at(0.025), at(0.975)};
}

}  // namespace

MetricIntervals bootstrap(const Scored& scored, std::uint64_t seed) {
  const std::vector<Sums> trajectories = sums_by_trajectory(scored);
  const auto count = static_cast<std::int64_t>(trajectories.size());
  const std::size_t samples =
      std::clamp(kWork / trajectories.size(), kFewestSamples, kMostSamples);
  Random random(seed);
  std::vector<double> mae;
  std::vector<double> rmse;
  std::vector<double> r2;
  std::vector<double> accuracy;
  for (std::size_t i = 0; i < samples; ++i) {
    Sums sum;
    for (std::int64_t drawn = 0; drawn < count; ++drawn) {
      sum += trajectories[static_cast<std::size_t>(random.below(count))];
    }
    mae.push_back(sum.error / sum.rows);
    rmse.push_back(std::sqrt(sum.squared_error / sum.rows));
    r2.push_back(sum.r2());
    accuracy.push_back(sum.accuracies / sum.rows);
  }
  return {interval(std::move(mae)), interval(std::move(rmse)),
          interval(std::move(r2)), interval(std::move(accuracy))};
}

}  // namespace cape::predictor
