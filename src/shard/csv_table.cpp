#include "shard/csv_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <system_error>
#include <type_traits>
#include <utility>

#include "core/error.h"
#include "core/utf8.h"

namespace cape::shard {

namespace {

/// The header, in short.
std::string found_columns(const std::vector<std::string>& header) {
  constexpr std::size_t kMost = 12;
  const auto shown = std::min(header.size(), kMost);
  return fmt::format("{}{}",
                     fmt::join(header.begin(), header.begin() + shown, ", "),
                     header.size() > kMost ? ", ..." : "");
}

/// The column of row numbers that pandas writes.
bool is_index(const std::string& column) {
  return column.empty() || column.starts_with("Unnamed: ");
}

}  // namespace

CsvTable::CsvTable(std::string name, std::string_view text,
                   const CsvColumns& columns)
    : name_(std::move(name)), reader_(text) {
  if (!next_record()) fail_user("{}: empty file; copy it again", name_);
  header_ = fields_;
  check_header(columns);
}

void CsvTable::check_header(const CsvColumns& columns) const {
  for (const char* column : columns.required) {
    if (!has(column)) {
      fail_user("{}:1: no column '{}' (found {}); {} has the columns {}", name_,
                column, escape_non_utf8(found_columns(header_)), columns.kind,
                fmt::join(columns.required, ", "));
    }
  }
  for (std::size_t i = 0; i < header_.size(); ++i) {
    const std::string& column = header_[i];
    if (i == 0 && is_index(column)) continue;
    if (std::ranges::find(columns.required, column) != columns.required.end() ||
        std::ranges::find(columns.optional, column) != columns.optional.end()) {
      continue;
    }
    const std::string in_some =
        columns.optional.empty()
            ? ""
            : fmt::format(" and, in some, {}",
                          fmt::join(columns.optional, ", "));
    fail_user(
        "{}:1: unknown column '{}'; remove it: the columns of {} are {}{}",
        name_, escape_non_utf8(column), columns.kind,
        fmt::join(columns.required, ", "), in_some);
  }
}

bool CsvTable::next() {
  if (!next_record()) return false;
  if (fields_.size() != header_.size()) {
    fail_user("{}: {} fields (the header has {}); mend or remove the line",
              where(), fields_.size(), header_.size());
  }
  return true;
}

bool CsvTable::has(std::string_view column) const {
  return std::ranges::find(header_, column) != header_.end();
}

const std::string& CsvTable::text(std::string_view column) const {
  const auto found = std::ranges::find(header_, column);
  return fields_[static_cast<std::size_t>(found - header_.begin())];
}

double CsvTable::number(std::string_view column) const {
  const double value = parsed<double>(column, "a number");
  if (!std::isfinite(value)) reject(column, "a finite number");
  return value;
}

double CsvTable::number(std::string_view column, double most) const {
  const double value = number(column);
  if (value > most) reject(column, fmt::format("at most {}", most));
  return value;
}

std::int32_t CsvTable::integer(std::string_view column,
                               std::int32_t least) const {
  const auto value = parsed<std::int32_t>(column, "an integer");
  if (value < least) reject(column, fmt::format("at least {}", least));
  return value;
}

bool CsvTable::truth(std::string_view column) const {
  if (text(column) == "True") return true;
  if (text(column) == "False") return false;
  reject(column, "True or False");
}

std::string CsvTable::where() const {
  return fmt::format("{}:{}", name_, reader_.line());
}

void CsvTable::reject(std::string_view column, std::string_view wanted) const {
  fail_user("{}: {} is '{}', not {}; mend or remove the line", where(), column,
            text(column), wanted);
}

bool CsvTable::next_record() {
  try {
    return reader_.next(fields_);
  } catch (const Error& error) {
    fail_user("{}: {}; close it with a quotation mark", where(), error.what());
  }
}

void CsvTable::check_decimals(std::string_view column, char decimal) const {
  if (!first_decimal_) {
    first_decimal_ = {decimal, reader_.line(), std::string(column),
                      text(column)};
  }
  if (first_decimal_->decimal == decimal) return;
  fail_user(
      "{}: {} is '{}', but {} is '{}' on line {}; write all numbers with "
      "decimal points, or all with decimal commas, and nothing between "
      "thousands",
      where(), column, text(column), first_decimal_->column,
      first_decimal_->field, first_decimal_->line);
}

template <class T>
T CsvTable::parsed(std::string_view column, std::string_view wanted) const {
  std::string field = text(column);
  const bool has_comma = std::ranges::count(field, ',') == 1;
  if (std::is_floating_point_v<T> && reader_.separator() == ';') {
    // Spreadsheets separate fields by semicolons where the comma is decimal.
    const bool has_point = field.find('.') != field.npos;
    if (has_comma != has_point) check_decimals(column, has_comma ? ',' : '.');
    if (has_comma) std::ranges::replace(field, ',', '.');
  } else if (has_comma) {
    wanted = "a number without commas; decimal points are points";
  }
  const char* end = field.data() + field.size();
  T value{};
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc() || stop != end) reject(column, wanted);
  return value;
}

template double CsvTable::parsed(std::string_view, std::string_view) const;
template std::int32_t CsvTable::parsed(std::string_view,
                                       std::string_view) const;
template std::int64_t CsvTable::parsed(std::string_view,
                                       std::string_view) const;
template std::uint64_t CsvTable::parsed(std::string_view,
                                        std::string_view) const;

}  // namespace cape::shard
