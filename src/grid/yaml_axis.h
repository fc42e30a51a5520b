/// Axes of numbers in YAML: a list, {choice: [...]} or {log_uniform: [low,
/// high]}.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grid/axis.h"
#include "grid/yaml_codec.h"
#include "grid/yaml_document.h"

namespace cape::grid::yaml {

template <class Number>
std::optional<Axis<Number>> read_draw(const Scalar<Number>& number,
                                      const Value& map, const std::string& path,
                                      Problems& problems) {
  const std::string choice = to_string(Draw::choice);
  const std::string log_uniform = to_string(Draw::log_uniform);
  if (!check_map(map, path, {choice, log_uniform}, problems)) return {};
  if (map.items.size() != 1) {
    report_wrong_value(map, path, "give one of choice and log_uniform",
                       problems);
    return {};
  }
  const Value& item = map.items.front();
  const std::optional<Draw> draw = find_enum<Draw>(item.key);
  if (!draw || *draw == Draw::none) return {};  // reported
  std::optional<std::vector<Number>> values =
      list(number).read(item, path + "." + item.key, problems);
  if (!values) return {};
  if (*draw == Draw::log_uniform &&
      (values->size() != 2 || values->front() >= values->back())) {
    report_wrong_value(item, path + "." + item.key,
                       "give two numbers, [low, high], the lower one first",
                       problems);
    return {};
  }
  return Axis<Number>(*draw, *std::move(values));
}

template <class Number>
Codec<Axis<Number>> axis(const Scalar<Number>& number) {
  return {.read = [=](const Value& value, const std::string& path,
                      Problems& problems) -> std::optional<Axis<Number>> {
            if (value.kind == Value::Kind::map) {
              return read_draw(number, value, path, problems);
            }
            std::optional<std::vector<Number>> values =
                list(number).read(value, path, problems);
            if (!values) return std::nullopt;
            return Axis<Number>(Draw::none, *std::move(values));
          },
          .write =
              [=](const Axis<Number>& axis) {
                std::string values = list(number).write(axis.values);
                if (axis.draw == Draw::none) return values;
                return std::string("{") + to_string(axis.draw) + ": " + values +
                       "}";
              }};
}

}  // namespace cape::grid::yaml
