/// The report's drawings, as inline SVG. Colours are the style sheet's classes
/// c0 to c7, so that they follow the light and the dark theme.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace cape {

inline constexpr std::size_t kChartColours = 8;

/// Points of one colour: (measured, predicted), both >= 1.
struct ScatterSeries {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

/// Predicted against measured steps on logarithmic axes, with the diagonal and
/// the band within a factor of two of it.
std::string scatter_svg(const std::vector<ScatterSeries>& series);

/// `text` with the characters that HTML reserves replaced.
std::string html_text(const std::string& text);

}  // namespace cape
