/// Seconds a trajectory should take here, learnt while the farm runs.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace cape::grid {

class SpeedEstimate {
 public:
  /// `gflops` > 0: the speed to assume before anything has been measured.
  explicit SpeedEstimate(double gflops = 0) : gflops_(gflops) {}

  /// A trajectory of `family` took `seconds` for `flops` expected ones.
  void add(const std::string& family, double flops, double seconds);

  /// Seconds that `flops` of this family have taken one trainer; nothing when
  /// no speed has been measured.
  std::optional<double> measured(const std::string& family, double flops) const;

  /// Whether a trajectory of this very family has been measured.
  bool has_measured(const std::string& family) const;

  /// The same as measured(); at the speed that was given when none has been
  /// measured.
  std::optional<double> seconds(const std::string& family, double flops) const;

  /// Whether a trajectory can be started with `seconds_left` to the end of the
  /// run: twice its mean must fit, since trajectories differ, and the time to
  /// publish.
  bool fits(const std::string& family, double flops, double seconds_left) const;

  /// Kept before the end of a run for ending trainers and publishing.
  static constexpr double kSecondsToPublish = 5;

 private:
  struct Sums {
    double flops = 0;
    double seconds = 0;
  };

  double gflops_;
  std::map<std::string, Sums> families_;
  Sums total_;
};

}  // namespace cape::grid
