#include "grid/cost_model.h"

#include <algorithm>
#include <cmath>

#include "core/overloaded.h"

namespace cape::grid {
namespace {

/// log T* = constant + rate log(lr / 1e-3) + target log(log(1 / eps) / log 10)
///          + batch log(B / 64) + size log(P / 1e6), least squares.
struct LogLinear {
  const char* family;
  double constant, rate, target, batch, size;
};

constexpr LogLinear kFits[] = {
    {"mlp", 1.99, -0.57, 1.23, 0.38, -0.32},
    {"cnn", 3.16, -0.33, 0.93, 0.39, 0.00},
    {"rnn", 3.57, -0.54, 0.68, 0.27, -0.22},
    {"transformer", 3.62, 0.28, 0.51, 0.37, 0.46},
};
constexpr LogLinear kUnknownFamily = {"", 3.2, -0.3, 0.8, 0.35, 0.0};

/// The learning rate at which AdamW is expected to take as many steps.
double as_adamw_rate(const trial::Optimizer& optimizer, double learning_rate) {
  // Of the customary rates: 0.03 with momentum 0.9 is like 1e-3.
  constexpr double kSgdToAdamW = 1.0 / 300;
  return std::visit(
      Overloaded{[&](const trial::AdamW&) { return learning_rate; },
                 [&](const trial::Adam&) { return learning_rate; },
                 [&](const trial::Sgd& sgd) {
                   return learning_rate / (1 - sgd.momentum) * kSgdToAdamW;
                 }},
      optimizer);
}

constexpr double kProbeSteps = 4;
constexpr double kMedianBestEpoch = 10;

constexpr double kSlowestFlops = 1e9;  // a second
constexpr double kTimesMeasured = 20;  // small networks are slower by the FLOP
constexpr double kStartSeconds = 120;  // LibTorch from a cold network disk

}  // namespace

double expected_steps(const std::string& family, double parameters,
                      const trial::Optimizer& optimizer, double learning_rate,
                      double batch_size, double epsilon) {
  const auto* found =
      std::find_if(std::begin(kFits), std::end(kFits),
                   [&](const LogLinear& fit) { return family == fit.family; });
  const LogLinear& fit = found == std::end(kFits) ? kUnknownFamily : *found;
  const double log_steps =
      fit.constant +
      fit.rate * std::log(as_adamw_rate(optimizer, learning_rate) / 1e-3) +
      fit.target * std::log(-std::log10(epsilon)) +
      fit.batch * std::log(batch_size / 64) +
      fit.size * std::log(parameters / 1e6);
  return std::max(std::exp(log_steps), 1.0);
}

double trajectory_flops(double forward_flops_per_sample, double batch_size,
                        double steps) {
  return 3 * forward_flops_per_sample * batch_size * (steps + kProbeSteps);
}

double expected_epochs(const trial::FullTraining& training) {
  return std::min(kMedianBestEpoch + static_cast<double>(training.patience),
                  static_cast<double>(training.max_epochs));
}

double full_training_flops(double forward_flops_per_sample, double batch_size,
                           const trial::FullTraining& training, double epochs) {
  const double steps =
      epochs * std::floor(static_cast<double>(training.samples) / batch_size);
  // Looks at the training loss, one for each 5 % more steps.
  const double looks = 20 + std::log(std::max(steps / 20, 1.0)) / 0.05;
  const double evaluated =
      epochs * static_cast<double>(training.validation_samples) +
      std::min(looks, steps) * static_cast<double>(loss_samples(training));
  return trajectory_flops(forward_flops_per_sample, batch_size, steps) +
         forward_flops_per_sample * evaluated;
}

double most_flops(double forward_flops_per_sample, double batch_size,
                  const trial::Target& target) {
  return std::visit(Overloaded{[&](const trial::BatchSteps& steps) {
                                 return trajectory_flops(
                                     forward_flops_per_sample, batch_size,
                                     static_cast<double>(steps.max_steps));
                               },
                               [&](const trial::FullTraining& training) {
                                 return full_training_flops(
                                     forward_flops_per_sample, batch_size,
                                     training,
                                     static_cast<double>(training.max_epochs));
                               }},
                    target);
}

double longest_trial_seconds(double flops, std::optional<double> measured) {
  const double seconds = flops / kSlowestFlops;
  return kStartSeconds +
         std::min(seconds, measured ? kTimesMeasured * *measured : seconds);
}

}  // namespace cape::grid
