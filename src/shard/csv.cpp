#include "shard/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <iterator>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "datasets/gzip.h"
#include "shard/csv_reader.h"
#include "shard/csv_table.h"
#include "shard/published_csv.h"

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

/// Every export has them, and no published file.
constexpr const char* kKeys[] = {"key", "trajectory"};

bool is_export(const std::string& text) {
  CsvReader reader(text);
  std::vector<std::string> header;
  try {
    reader.next(header);
  } catch (const Error&) {  // a quoted name that does not end
    return false;
  }
  return std::ranges::all_of(kKeys, [&](const char* key) {
    return std::ranges::find(header, key) != header.end();
  });
}

template <class T>
void set(Row& row, const Column& column, const T& value) {
  std::memcpy(reinterpret_cast<char*>(&row) + column.offset, &value,
              sizeof(value));
}

void set_text(Row& row, const Column& column, const CsvTable& file) {
  try {
    const std::string& text = file.text(column.name);
    if (column.type == ColumnType::key) return set(row, column, Key(text));
    set(row, column, Text(text));
  } catch (const UserError&) {
    throw;
  } catch (const Error& error) {  // a text that fits no column
    fail_user("{}: {}; mend or remove the line", file.where(), error.what());
  }
}

void set_value(Row& row, const Column& column, const CsvTable& file) {
  switch (column.type) {
    case ColumnType::key:
    case ColumnType::text:
      return set_text(row, column, file);
    case ColumnType::float64:
      if (!file.text(column.name).empty())
        set(row, column, file.value<double>(column.name));
      return;
    case ColumnType::int32:
      return set(row, column, file.value<std::int32_t>(column.name));
    case ColumnType::int64:
      return set(row, column, file.value<std::int64_t>(column.name));
    case ColumnType::uint64:
      return set(row, column, file.value<std::uint64_t>(column.name));
    case ColumnType::boolean:
      return set(row, column, file.truth(column.name));
  }
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

bool is_csv(const std::filesystem::path& path) {
  std::string name = path.filename().string();
  std::ranges::transform(name, name.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return name.ends_with(".csv") || name.ends_with(".csv.gz") ||
         name.ends_with(".tsv") || name.ends_with(".tsv.gz");
}

std::string read_csv_text(const std::filesystem::path& path) {
  constexpr std::size_t kMostBytes = std::size_t{1} << 32;
  const datasets::Bytes bytes = datasets::read_plain_or_gzip(path, kMostBytes);
  return {bytes.begin(), bytes.end()};
}

std::vector<Row> read_csv(const std::filesystem::path& path) {
  const std::string text = read_csv_text(path);
  if (!is_export(text)) return read_published_csv(path);
  std::vector<const char*> others;
  for (const Column& column : columns()) {
    // Older programs exported what is retired now.
    if (column.stability == Stability::timing) continue;
    others.push_back(column.name.data());
  }
  CsvTable file(path.string(), text, {"an export of rows", kKeys, others});
  std::vector<Row> rows;
  while (file.next()) {
    Row& row = rows.emplace_back();
    for (const Column& column : columns())
      if (file.has(column.name)) set_value(row, column, file);
  }
  return rows;
}

}  // namespace cape::shard
