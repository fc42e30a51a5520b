#include "grid/yaml_codec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/json.h"
#include "core/units.h"

namespace cape::grid::yaml {
namespace {

template <class N>
std::optional<N> parse_number(const std::string& text) {
  const char* const end = text.data() + text.size();
  N number{};
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || last != end) return std::nullopt;
  return number;
}

/// 1e-05 as 1.0e-05: without the point, YAML 1.1 (PyYAML) reads a text.
std::string with_point(std::string number) {
  const std::size_t exponent = number.find('e');
  if (exponent != std::string::npos && number.find('.') == std::string::npos) {
    number.insert(exponent, ".0");
  }
  return number;
}

/// A number of type N; the words "inf" and "nan" are none.
template <class N>
Scalar<N> number(const std::string& what, const Range& range) {
  return {
      .expected = fmt::format("{} {}", what, range.text),
      .parse = [=](const std::string& text) -> std::optional<N> {
        const std::optional<N> parsed = parse_number<N>(text);
        if (!parsed || !std::isfinite(static_cast<double>(*parsed)) ||
            !range.contains(static_cast<double>(*parsed))) {
          return std::nullopt;
        }
        return parsed;
      },
      .write =
          [](const N& value) { return with_point(fmt::format("{}", value)); }};
}

bool is_file_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/// As a double-quoted YAML scalar, whose escapes are those of JSON.
std::string quoted(const std::string& text) {
  return to_text(nlohmann::json(text));
}

}  // namespace

Range above(double low) {
  return {fmt::format("above {}", low), [=](double x) { return x > low; }};
}

Range at_least(double low) {
  return {fmt::format("of at least {}", low),
          [=](double x) { return x >= low; }};
}

Range from_to(double low, double high) {
  return {fmt::format("from {} to {}", low, high),
          [=](double x) { return x >= low && x <= high; }};
}

Range between(double low, double high) {
  return {fmt::format("above {} and below {}", low, high),
          [=](double x) { return x > low && x < high; }};
}

Scalar<std::int64_t> whole(const Range& range) {
  return number<std::int64_t>("a whole number", range);
}

Scalar<std::uint64_t> unsigned_whole() {
  return number<std::uint64_t>(
      "a whole number", {"from 0 to 2^64 - 1", [](double) { return true; }});
}

Scalar<double> real(const Range& range) {
  return number<double>("a number", range);
}

Scalar<double> seconds(const Range& range) {
  Scalar<double> scalar =
      number<double>("seconds or a duration (90s, 2h30m)", range);
  const auto parse_seconds = scalar.parse;
  scalar.parse = [=](const std::string& text) -> std::optional<double> {
    const std::optional<double> duration = parse_duration(text);
    if (duration && range.contains(*duration)) return duration;
    return parse_seconds(text);
  };
  return scalar;
}

Scalar<bool> flag() { return choice<bool>({{"true", true}, {"false", false}}); }

Scalar<std::string> text() {
  return {.expected = "a text",
          .parse = [](const std::string& text) { return std::optional(text); },
          .write = quoted};
}

Scalar<std::string> file_word() {
  constexpr std::size_t kLongest = 100;
  return {.expected =
              "a name of letters, digits, '_', '.' and '-' that begins with a "
              "letter or digit and has at most 100 characters",
          .parse = [](const std::string& text) -> std::optional<std::string> {
            const bool fits =
                !text.empty() && text.size() <= kLongest &&
                std::all_of(text.begin(), text.end(), is_file_character) &&
                std::string_view("_.-").find(text.front()) ==
                    std::string_view::npos;
            if (!fits) return std::nullopt;
            return text;
          },
          .write = quoted};
}

Scalar<std::string> word_of(const std::vector<std::string>& words) {
  return {.expected = words.size() == 1
                          ? words.front()
                          : fmt::format("one of {}", fmt::join(words, ", ")),
          .parse = [=](const std::string& text) -> std::optional<std::string> {
            if (!contains(words, text)) return std::nullopt;
            return text;
          },
          .write = [](const std::string& word) { return word; },
          .words = words};
}

nlohmann::json scalar_json(const Value& value) {
  static const Range any = at_least(std::numeric_limits<double>::lowest());
  if (value.kind != Value::Kind::scalar) return nullptr;
  if (const auto flagged = flag().parse(value.text)) return *flagged;
  if (const auto number = whole(any).parse(value.text)) return *number;
  if (const auto number = real(any).parse(value.text)) return *number;
  return value.text;
}

nlohmann::json any_json(const Value& value) {
  switch (value.kind) {
    case Value::Kind::list: {
      nlohmann::json list = nlohmann::json::array();
      for (const Value& item : value.items) list.push_back(any_json(item));
      return list;
    }
    case Value::Kind::map: {
      nlohmann::json map = nlohmann::json::object();
      for (const Value& item : value.items) map[item.key] = any_json(item);
      return map;
    }
    default:
      return scalar_json(value);
  }
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

void report_wrong_value(const Value& value, const std::string& path,
                        const std::string& advice, Problems& problems) {
  problems.add(value.location, fmt::format("wrong value for {} (found {}); {}",
                                           path, value.found(), advice));
}

std::string did_you_mean(const std::string& word,
                         const std::vector<std::string>& known) {
  const std::string meant = nearest(word, known);
  return meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant);
}

std::vector<std::pair<std::string, const Value*>> elements(
    const Value& value, const std::string& path, Problems& problems) {
  if (value.kind == Value::Kind::null ||
      (value.kind == Value::Kind::list && value.items.empty())) {
    report_wrong_value(value, path, "give at least one", problems);
    return {};
  }
  if (value.kind != Value::Kind::list) return {{path, &value}};
  std::vector<std::pair<std::string, const Value*>> all;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    all.emplace_back(fmt::format("{}[{}]", path, i), &value.items[i]);
  }
  return all;
}

Key required(Key key) {
  key.required = true;
  return key;
}

}  // namespace cape::grid::yaml
