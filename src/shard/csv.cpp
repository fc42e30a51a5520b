#include "shard/csv.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <iterator>
#include <string>

#include "core/files.h"

namespace cape::shard {
namespace {

template <class T>
T value_at(const Row& row, const Column& column) {
  T value{};
  std::memcpy(&value, bytes_at(row, column).data(), sizeof(value));
  return value;
}

void append_text(std::string& csv, std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) {
    csv += text;
    return;
  }
  csv += '"';
  for (const char c : text) {
    if (c == '"') csv += '"';
    csv += c;
  }
  csv += '"';
}

/// The shortest text that reads back as the same number.
template <class T>
void append_number(std::string& csv, T value) {
  fmt::format_to(std::back_inserter(csv), "{}", value);
}

void append_value(std::string& csv, const Row& row, const Column& column) {
  switch (column.type) {
    case ColumnType::key:
    case ColumnType::text:
      return append_text(csv, text_at(row, column));
    case ColumnType::float64: {
      const auto value = value_at<double>(row, column);
      if (!std::isnan(value)) append_number(csv, value);
      return;
    }
    case ColumnType::int32:
      return append_number(csv, value_at<std::int32_t>(row, column));
    case ColumnType::int64:
      return append_number(csv, value_at<std::int64_t>(row, column));
    case ColumnType::uint64:
      return append_number(csv, value_at<std::uint64_t>(row, column));
    case ColumnType::boolean:
      csv += value_at<bool>(row, column) ? "True" : "False";
      return;
  }
}

/// Appends one line: `append_field` for each non-volatile column.
template <class AppendField>
void append_line(std::string& csv, AppendField append_field) {
  const char* separator = "";
  for (const Column& column : columns()) {
    if (column.is_volatile()) continue;
    csv += separator;
    append_field(column);
    separator = ",";
  }
  csv += '\n';
}

}  // namespace

void export_csv(const MergedTable& table, const std::filesystem::path& path) {
  std::string csv;
  append_line(csv, [&](const Column& column) { csv += column.name; });
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Row& row = table.row(i);
    append_line(csv,
                [&](const Column& column) { append_value(csv, row, column); });
  }
  publish_file(path, csv);
}

}  // namespace cape::shard
