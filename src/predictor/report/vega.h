/// Parts of Vega specifications that several charts share.
#pragma once

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cape::predictor::vega {

using Json = nlohmann::json;

/// Maps names, in order, to the style sheet's colours.
Json colour_scale(const std::vector<std::string>& names);

/// 1, 2, 5, 10, 20, ... from `least` to `greatest`: ticks of a logarithmic
/// axis.
std::vector<double> ticks(double least, double greatest);

/// A value and its interval; NaN: no interval.
struct Dot {
  std::string label;   ///< of its line
  std::string series;  ///< of its colour
  double value;
  // An interval around the value; NaN: none.
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
};

/// How dots are drawn.
struct DotAxis {
  std::string title;
  bool logarithmic = false;  ///< only if all values are above 0
  /// A dashed line; NaN: none.
  double reference = std::numeric_limits<double>::quiet_NaN();
};

/// One line for each label, in the order of the dots, with dots and intervals.
Json dot_plot(const std::vector<Dot>& dots,
              const std::vector<std::string>& series, const DotAxis& axis);

}  // namespace cape::predictor::vega
