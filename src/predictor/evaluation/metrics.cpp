#include "predictor/evaluation/metrics.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "core/error.h"

namespace cape::predictor {
namespace {

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) /
         static_cast<double>(values.size());
}

double r_squared(std::span<const double> measured, double squared_error) {
  const double centre = mean(measured);
  double total = 0;
  for (const double t : measured) total += (t - centre) * (t - centre);
  if (total == 0) return std::numeric_limits<double>::quiet_NaN();
  return 1 - squared_error / total;
}

}  // namespace

double median(std::vector<double> values) {
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

double area_under_curve(std::span<const double> probabilities,
                        const std::vector<bool>& happened) {
  std::vector<std::size_t> order(probabilities.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return probabilities[i]; });
  // The ranks of what happened, equal probabilities having their mean rank.
  double ranks = 0;
  double count = 0;
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    double among = 0;
    while (end < order.size() &&
           probabilities[order[end]] == probabilities[order[first]]) {
      among += happened[order[end++]] ? 1 : 0;
    }
    ranks += among * (static_cast<double>(first + end) + 1) / 2;
    count += among;
    first = end;
  }
  const double others = static_cast<double>(order.size()) - count;
  return (ranks - count * (count + 1) / 2) / (count * others);
}

double correlation(std::span<const double> a, std::span<const double> b) {
  const auto all_equal = [](std::span<const double> values) {
    return std::ranges::adjacent_find(values, std::not_equal_to()) ==
           values.end();
  };
  // Tested by itself, since rounding may leave a deviation of equal values.
  if (all_equal(a) || all_equal(b)) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const double mean_a = mean(a);
  const double mean_b = mean(b);
  double product = 0;
  double square_a = 0;
  double square_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += (a[i] - mean_a) * (b[i] - mean_b);
    square_a += (a[i] - mean_a) * (a[i] - mean_a);
    square_b += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return product / std::sqrt(square_a * square_b);
}

double accuracy(double measured, double error) {
  return std::clamp(1 - error / std::max(measured, 1.0), 0.0, 1.0);
}

Metrics compute_metrics(std::span<const double> measured,
                        std::span<const double> predicted) {
  if (measured.empty() || measured.size() != predicted.size()) {
    fail("cannot compare {} predictions with {} measured values",
         predicted.size(), measured.size());
  }
  std::vector<double> errors;
  errors.reserve(measured.size());
  double squared_error = 0;
  double accuracies = 0;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const double error = std::abs(predicted[i] - measured[i]);
    errors.push_back(error);
    squared_error += error * error;
    accuracies += accuracy(measured[i], error);
  }
  const auto count = static_cast<double>(measured.size());
  return {.mae = mean(errors),
          .rmse = std::sqrt(squared_error / count),
          .median_ae = median(errors),
          .r2 = r_squared(measured, squared_error),
          .avg_accuracy = accuracies / count,
          .rows = static_cast<std::int64_t>(measured.size())};
}

}  // namespace cape::predictor
