#include "predictor/evaluation/curve_extrapolation.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cape::predictor {
namespace {

/// a + b exp(-c epoch)
struct Exponential {
  double a = 0;
  double b = 0;
  double c = 0;
  double operator()(int epoch) const { return a + b * std::exp(-c * epoch); }
};

/// The least squares fit of a and b for this c. A curve that would rise is
/// replaced by the mean of the losses.
Exponential fit_with_rate(std::span<const double> losses, double c) {
  const auto count = static_cast<double>(losses.size());
  double x_sum = 0;
  double y_sum = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    x_sum += std::exp(-c * static_cast<double>(i + 1));
    y_sum += losses[i];
  }
  double xy = 0;
  double xx = 0;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    const double x = std::exp(-c * static_cast<double>(i + 1)) - x_sum / count;
    xy += x * (losses[i] - y_sum / count);
    xx += x * x;
  }
  if (!(xy > 0)) return {.a = y_sum / count, .b = 0, .c = c};
  const double b = xy / xx;
  return {.a = (y_sum - b * x_sum) / count, .b = b, .c = c};
}

/// The best of 400 rates between 0.005, where a curve looks straight, and 5,
/// where it falls at once.
Exponential fit_exponential(std::span<const double> losses) {
  constexpr double kNoLoss = std::numeric_limits<double>::quiet_NaN();
  if (!std::ranges::all_of(losses, [](double x) { return std::isfinite(x); })) {
    return {.a = kNoLoss};  // it has diverged, so it makes no more progress
  }
  constexpr int kRates = 400;
  constexpr double kSlowest = 0.005;
  constexpr double kFastest = 5;
  Exponential best;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kRates; ++i) {
    const Exponential curve = fit_with_rate(
        losses, kSlowest * std::pow(kFastest / kSlowest, i / (kRates - 1.0)));
    double squares = 0;
    for (std::size_t epoch = 1; epoch <= losses.size(); ++epoch) {
      const double error = losses[epoch - 1] - curve(static_cast<int>(epoch));
      squares += error * error;
    }
    if (squares < least) {
      least = squares;
      best = curve;
    }
  }
  return best;
}

}  // namespace

EarlyStop stop_early(const std::function<double(int)>& loss,
                     const EarlyStoppingRule& rule) {
  double best = std::numeric_limits<double>::infinity();
  int best_epoch = 1;
  for (int epoch = 1; epoch <= rule.max_epochs; ++epoch) {
    if (loss(epoch) < best - rule.min_delta) {
      best = loss(epoch);
      best_epoch = epoch;
    }
    // A first loss that is not finite is no progress.
    const int since = std::isfinite(best) ? epoch - best_epoch : epoch;
    if (since == rule.patience) return {epoch, best_epoch};
  }
  return {rule.max_epochs, best_epoch};
}

EarlyStop extrapolate_stop(std::span<const double> first_losses,
                           const EarlyStoppingRule& rule) {
  const Exponential curve = fit_exponential(first_losses);
  return stop_early(
      [&](int epoch) {
        const auto i = static_cast<std::size_t>(epoch - 1);
        return i < first_losses.size() ? first_losses[i] : curve(epoch);
      },
      rule);
}

}  // namespace cape::predictor
