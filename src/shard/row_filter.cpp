#include "shard/row_filter.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/error.h"

namespace cape::shard {
namespace {

template <class T>
double number_at(const Row& row, const Column& column) {
  T value{};
  std::memcpy(&value, bytes_at(row, column).data(), sizeof(value));
  return static_cast<double>(value);
}

double number_of(const Row& row, const Column& column) {
  switch (column.type) {
    case ColumnType::float64:
      return number_at<double>(row, column);
    case ColumnType::int32:
      return number_at<std::int32_t>(row, column);
    case ColumnType::int64:
      return number_at<std::int64_t>(row, column);
    case ColumnType::uint64:
      return number_at<std::uint64_t>(row, column);
    case ColumnType::boolean:
      return number_at<bool>(row, column);
    case ColumnType::key:
    case ColumnType::text:
      break;
  }
  fail("column {} is no number", column.name);
}

bool is_text(const Column& column) {
  return column.type == ColumnType::key || column.type == ColumnType::text;
}

double parse_number(const Column& column, const std::string& text) {
  if (column.type == ColumnType::boolean) {
    if (text == "true" || text == "True") return 1;
    if (text == "false" || text == "False") return 0;
    fail_user("--where {}={}: give true or false", column.name, text);
  }
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    fail_user("--where {}={}: the column holds numbers; give one", column.name,
              text);
  }
  return value;
}

}  // namespace

RowFilter::RowFilter(std::string_view condition) {
  const std::size_t equals = condition.find('=');
  if (equals == std::string_view::npos) {
    fail_user(
        "--where needs COLUMN=VALUE, for example max_steps=5000 (found '{}')",
        condition);
  }
  const std::string_view name = condition.substr(0, equals);
  const auto found = std::ranges::find(columns(), name, &Column::name);
  if (found == columns().end()) {
    fail_user(
        "--where {}: rows have no column '{}'; docs/shard_format.md lists the "
        "columns",
        condition, name);
  }
  column_ = &*found;
  text_ = condition.substr(equals + 1);
  if (!is_text(*column_)) number_ = parse_number(*column_, text_);
}

bool RowFilter::matches(const Row& row) const {
  return is_text(*column_) ? text_at(row, *column_) == text_
                           : number_of(row, *column_) == number_;
}

bool matches_all(const std::vector<RowFilter>& filters, const Row& row) {
  return std::ranges::all_of(
      filters, [&](const RowFilter& filter) { return filter.matches(row); });
}

}  // namespace cape::shard
