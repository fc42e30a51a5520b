/// The losses of a trajectory as shards keep them.
#pragma once

#include <concepts>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

namespace cape::shard {

/// Losses, and after how many updates each was taken; as many of the one as of
/// the other.
struct Curve {
  std::vector<float> losses;
  std::vector<std::int32_t> steps;

  Curve() = default;
  Curve(std::vector<float> losses, std::vector<std::int32_t> steps)
      : losses(std::move(losses)), steps(std::move(steps)) {}

  /// L_0, L_1, L_2, ...
  template <std::convertible_to<std::span<const float>> T>
  Curve(const T& every_loss) {
    const std::span<const float> all = every_loss;
    losses.assign(all.begin(), all.end());
    steps.resize(losses.size());
    std::iota(steps.begin(), steps.end(), 0);
  }

  void append(const Curve& other) {
    losses.insert(losses.end(), other.losses.begin(), other.losses.end());
    steps.insert(steps.end(), other.steps.begin(), other.steps.end());
  }

  bool operator==(const Curve&) const = default;
};

/// Of a trajectory; without losses none are kept.
struct Curves {
  Curve training;
  Curve validation;

  Curves() = default;
  Curves(Curve training, Curve validation)
      : training(std::move(training)), validation(std::move(validation)) {}
  /// Of a training without validation.
  template <std::convertible_to<Curve> T>
  Curves(const T& training) : training(training) {}

  std::size_t size() const {
    return training.losses.size() + validation.losses.size();
  }
};

}  // namespace cape::shard
