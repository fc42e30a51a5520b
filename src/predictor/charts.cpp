#include "predictor/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

namespace cape {
namespace {

// In SVG units; the page scales the drawing to its column.
constexpr double kSize = 520;
constexpr double kLeft = 56;
constexpr double kTop = 12;
constexpr double kBottom = 48;
constexpr double kRight = 12;

/// A logarithmic axis from 1 to `greatest`, in SVG units.
struct Axis {
  double greatest;

  double fraction(double steps) const {
    return std::log(steps) / std::log(greatest);
  }
  double x(double steps) const {
    return kLeft + fraction(steps) * (kSize - kLeft - kRight);
  }
  double y(double steps) const {
    return kSize - kBottom - fraction(steps) * (kSize - kTop - kBottom);
  }
};

Axis axis_over(const std::vector<ScatterSeries>& series) {
  double greatest = 10;
  for (const ScatterSeries& one : series) {
    for (const auto& [measured, predicted] : one.points) {
      greatest = std::max({greatest, measured, predicted});
    }
  }
  return {greatest * 1.1};
}

/// 1, 2, 5, 10, 20, ... below the axis's end.
std::vector<int> ticks(const Axis& axis) {
  std::vector<int> ticks;
  for (int decade = 1; decade < axis.greatest; decade *= 10) {
    for (const int factor : {1, 2, 5}) {
      const int tick = decade * factor;
      if (tick < axis.greatest) ticks.push_back(tick);
    }
  }
  return ticks;
}

void draw_axes(const Axis& axis, std::string& svg) {
  const auto out = std::back_inserter(svg);
  for (const int tick : ticks(axis)) {
    const double x = axis.x(tick);
    const double y = axis.y(tick);
    fmt::format_to(
        out,
        R"(<path class="grid" d="M{0:.1f} {1}V{2}M{3} {4:.1f}H{5}"/>)"
        R"(<text x="{0:.1f}" y="{6}" text-anchor="middle">{7}</text>)"
        R"(<text x="{8}" y="{4:.1f}" dy=".35em" )"
        R"(text-anchor="end">{7}</text>)",
        x, kTop, kSize - kBottom, kLeft, y, kSize - kRight,
        kSize - kBottom + 18, tick, kLeft - 8);
  }
  fmt::format_to(out,
                 R"svg(<text class="label" x="{}" y="{}" )svg"
                 R"svg(text-anchor="middle">measured T* (steps)</text>)svg"
                 R"svg(<text class="label" text-anchor="middle" )svg"
                 R"svg(transform="translate(14 {}) rotate(-90)">)svg"
                 R"svg(predicted T* (steps)</text>)svg",
                 (kLeft + kSize - kRight) / 2, kSize - 8,
                 (kTop + kSize - kBottom) / 2);
}

/// The band between half and twice the measured value, and the diagonal.
void draw_diagonal(const Axis& axis, std::string& svg) {
  const double end = axis.greatest;
  const double half = axis.greatest / 2;
  fmt::format_to(
      std::back_inserter(svg),
      R"(<path class="band" d="M{0:.1f} {1:.1f}L{0:.1f} {2:.1f}L{3:.1f} {4:.1f})"
      R"(H{5:.1f}V{6:.1f}L{7:.1f} {1:.1f}Z"/>)"
      R"(<path class="diagonal" d="M{0:.1f} {1:.1f}L{5:.1f} {4:.1f}"/>)",
      axis.x(1), axis.y(1), axis.y(2), axis.x(half), axis.y(end), axis.x(end),
      axis.y(half), axis.x(2));
}

/// All points of a series as one path of zero-length strokes with round caps:
/// a tenth of the bytes of circles.
void draw_points(const Axis& axis, const ScatterSeries& series,
                 std::size_t colour, std::string& svg) {
  const auto out = std::back_inserter(svg);
  fmt::format_to(out, R"(<path class="points c{}" d=")",
                 colour % kChartColours);
  for (const auto& [measured, predicted] : series.points) {
    fmt::format_to(out, "M{:.1f} {:.1f}h0", axis.x(measured),
                   axis.y(predicted));
  }
  svg += R"("/>)";
}

}  // namespace

std::string scatter_svg(const std::vector<ScatterSeries>& series) {
  const Axis axis = axis_over(series);
  std::string svg = fmt::format(
      R"(<svg viewBox="0 0 {0} {0}" role="img" )"
      R"(aria-label="Scatter plot of predicted against measured steps">)",
      kSize);
  draw_diagonal(axis, svg);
  draw_axes(axis, svg);
  for (std::size_t i = 0; i < series.size(); ++i) {
    draw_points(axis, series[i], i, svg);
  }
  return svg + "</svg>";
}

std::string html_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace cape
