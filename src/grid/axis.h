/// The axes of a grid that are numbers: values that are each a point of the
/// grid, or a rule by which every trajectory draws one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <utility>
#include <vector>

#include "core/enum_names.h"
#include "core/random.h"

namespace cape::grid {

/// How a trajectory draws its value: one of some, each as likely, or a number
/// between two whose logarithm is uniform.
enum class Draw { none, choice, log_uniform };

constexpr auto enum_names(Draw) {
  using enum Draw;
  return EnumNames{
      "draw",
      std::to_array<EnumName<Draw>>(
          {{none, "none"}, {choice, "choice"}, {log_uniform, "log_uniform"}})};
}

template <class Number>
struct Axis {
  /// The points; what is chosen from; or the two ends.
  std::vector<Number> values;
  Draw draw = Draw::none;

  Axis() = default;
  Axis(std::initializer_list<Number> points) : values(points) {}
  Axis(Draw draw, std::vector<Number> values)
      : values(std::move(values)), draw(draw) {}

  bool operator==(const Axis&) const = default;
};

/// One point of an axis: a value, or, if `draw` is not none, what stands for
/// those that are drawn when a cost is estimated.
template <class Number>
struct AxisPoint {
  Number value = 0;
  Axis<Number> drawn = {};

  bool is_drawn() const { return drawn.draw != Draw::none; }
  bool operator==(const AxisPoint&) const = default;
};

/// Each value, or the one point that a draw is.
template <class Number>
std::vector<AxisPoint<Number>> points_of(const Axis<Number>& axis);

/// The value of a trajectory, the same on every machine: reals have four
/// significant digits.
template <class Number>
Number value_at(const AxisPoint<Number>& point, Random& random);

/// The same point with all values above `most` replaced by `most`.
AxisPoint<std::int64_t> at_most(AxisPoint<std::int64_t> point,
                                std::int64_t most);

/// What keys say of a point: its value, or {"log_uniform": [low, high]}.
template <class Number>
nlohmann::json identity_of(const AxisPoint<Number>& point);

}  // namespace cape::grid
