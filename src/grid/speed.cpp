#include "grid/speed.h"

namespace cape::grid {

void SpeedEstimate::add(const std::string& family, double flops,
                        double seconds) {
  for (Sums* sums : {&families_[family], &total_}) {
    sums->flops += flops;
    sums->seconds += seconds;
  }
}

std::optional<double> SpeedEstimate::measured(const std::string& family,
                                              double flops) const {
  const auto found = families_.find(family);
  const Sums& sums = found == families_.end() ? total_ : found->second;
  if (sums.flops > 0) return flops * sums.seconds / sums.flops;
  return std::nullopt;
}

bool SpeedEstimate::has_measured(const std::string& family) const {
  return families_.contains(family);
}

std::optional<double> SpeedEstimate::seconds(const std::string& family,
                                             double flops) const {
  if (const auto known = measured(family, flops)) return known;
  if (gflops_ > 0) return flops / (gflops_ * 1e9);
  return std::nullopt;
}

bool SpeedEstimate::fits(const std::string& family, double flops,
                         double seconds_left) const {
  constexpr double kSafety = 2;
  return kSafety * seconds(family, flops).value_or(0) + kSecondsToPublish <
         seconds_left;
}

}  // namespace cape::grid
