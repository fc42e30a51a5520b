#include "shard/row_filter.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace cape::shard {
namespace {

template <class T>
T number_at(const Row& row, const Column& column) {
  T value{};
  std::memcpy(&value, bytes_at(row, column).data(), sizeof(value));
  return value;
}

template <class T>
T parse_number(std::string_view condition, const std::string& text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    fail_user("--where {}: the column holds {}; give one that it can hold",
              condition, std::is_integral_v<T> ? "whole numbers" : "numbers");
  }
  return value;
}

double parse_finite(std::string_view condition, const std::string& text) {
  const auto value = parse_number<double>(condition, text);
  if (std::isnan(value)) {
    fail_user("--where {}: a missing number equals none; give a number",
              condition);
  }
  return value;
}

bool parse_truth(std::string_view condition, const std::string& text) {
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  fail_user("--where {}: give true or false", condition);
}

RowFilter::Value parse(const Column& column, std::string_view condition,
                       const std::string& text) {
  switch (column.type) {
    case ColumnType::float64:
      return parse_finite(condition, text);
    case ColumnType::int32:
      return parse_number<std::int32_t>(condition, text);
    case ColumnType::int64:
      return parse_number<std::int64_t>(condition, text);
    case ColumnType::uint64:
      return parse_number<std::uint64_t>(condition, text);
    case ColumnType::boolean:
      return parse_truth(condition, text);
    case ColumnType::key:
    case ColumnType::text:
      break;
  }
  return text;
}

}  // namespace

RowFilter::RowFilter(std::string_view condition) : condition_(condition) {
  const std::size_t equals = condition.find('=');
  if (equals == std::string_view::npos) {
    fail_user(
        "--where needs COLUMN=VALUE or COLUMN!=VALUE, for example "
        "max_steps=5000 (found '{}')",
        condition);
  }
  equal_ = equals == 0 || condition[equals - 1] != '!';
  const std::string_view name =
      condition.substr(0, equal_ ? equals : equals - 1);
  const auto found = std::ranges::find(columns(), name, &Column::name);
  if (found == columns().end()) {
    fail_user(
        "--where {}: rows have no column '{}'; docs/shard_format.md lists the "
        "columns",
        condition, name);
  }
  column_ = &*found;
  value_ =
      parse(*column_, condition, std::string(condition.substr(equals + 1)));
}

bool RowFilter::matches(const Row& row) const {
  const bool equal = std::visit(
      [&]<class T>(const T& value) {
        if constexpr (std::is_same_v<T, std::string>) {
          return text_at(row, *column_) == value;
        } else {
          return number_at<T>(row, *column_) == value;
        }
      },
      value_);
  return equal == equal_;
}

}  // namespace cape::shard
