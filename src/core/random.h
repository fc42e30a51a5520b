/// Random draws that are the same on every machine. The standard defines
/// std::mt19937_64 exactly, but not its distributions, so they are written
/// here.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace cape {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// Uniform in [0, bound), bound > 0.
  std::int64_t below(std::int64_t bound);

  /// 64 random bits.
  std::uint64_t bits() { return engine_(); }

  /// Uniform in [0, 1), 53 bits.
  double uniform();

  template <class T>
  const T& choose(std::span<const T> options) {
    return options[static_cast<std::size_t>(
        below(static_cast<std::int64_t>(options.size())))];
  }

  /// `count` different integers from [0, bound), in random order.
  std::vector<std::int64_t> sample(std::int64_t bound, std::int64_t count);

 private:
  std::mt19937_64 engine_;
};

}  // namespace cape
