#include "grid/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <string>

namespace cape::grid {
namespace {

/// Four significant digits, so that a last bit in which mathematical libraries
/// differ makes no difference.
double rounded(double value, double /*like*/) {
  return std::stod(fmt::format("{:.4g}", value));
}

std::int64_t rounded(double value, std::int64_t /*like*/) {
  return std::llround(value);
}

/// For costs, which grow with the batch and fall with the learning rate.
template <class Number>
Number typical(const Axis<Number>& axis) {
  const auto low = static_cast<double>(axis.values.front());
  const auto high = static_cast<double>(axis.values.back());
  if (axis.draw == Draw::log_uniform) {
    return rounded(std::sqrt(low) * std::sqrt(high), Number());
  }
  double sum = 0;
  for (const Number value : axis.values) sum += static_cast<double>(value);
  return rounded(sum / static_cast<double>(axis.values.size()), Number());
}

}  // namespace

template <class Number>
std::vector<AxisPoint<Number>> points_of(const Axis<Number>& axis) {
  if (axis.draw != Draw::none) return {{typical(axis), axis}};
  std::vector<AxisPoint<Number>> points;
  for (const Number value : axis.values) points.push_back({value});
  return points;
}

template <class Number>
Number value_at(const AxisPoint<Number>& point, Random& random) {
  const std::vector<Number>& values = point.drawn.values;
  switch (point.drawn.draw) {
    case Draw::none:
      break;
    case Draw::choice:
      return random.choose(std::span<const Number>(values));
    case Draw::log_uniform: {
      const auto low = static_cast<double>(values.front());
      const auto high = static_cast<double>(values.back());
      const double drawn = low * std::pow(high / low, random.uniform());
      return std::clamp(rounded(drawn, Number()), values.front(),
                        values.back());
    }
  }
  return point.value;
}

template <class Number>
nlohmann::json identity_of(const AxisPoint<Number>& point) {
  if (!point.is_drawn()) return point.value;
  return {{to_string(point.drawn.draw), point.drawn.values}};
}

AxisPoint<std::int64_t> at_most(AxisPoint<std::int64_t> point,
                                std::int64_t most) {
  for (std::int64_t& value : point.drawn.values) value = std::min(value, most);
  point.value =
      point.is_drawn() ? typical(point.drawn) : std::min(point.value, most);
  return point;
}

template std::vector<AxisPoint<double>> points_of(const Axis<double>&);
template double value_at(const AxisPoint<double>&, Random&);
template nlohmann::json identity_of(const AxisPoint<double>&);

template std::vector<AxisPoint<std::int64_t>> points_of(
    const Axis<std::int64_t>&);
template std::int64_t value_at(const AxisPoint<std::int64_t>&, Random&);
template nlohmann::json identity_of(const AxisPoint<std::int64_t>&);

}  // namespace cape::grid
