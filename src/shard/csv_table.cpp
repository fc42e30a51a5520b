#include "shard/csv_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace cape::shard {

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
      fail_user("{}:1: no column '{}'; {} has the columns {}", name_, column,
                columns.kind, fmt::join(columns.required, ", "));
    }
  }
  for (const std::string& column : header_) {
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
        name_, column, columns.kind, fmt::join(columns.required, ", "),
        in_some);
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

template <class T>
T CsvTable::parsed(std::string_view column, std::string_view wanted) const {
  const std::string& field = text(column);
  const char* end = field.data() + field.size();
  T value{};
  const auto [stop, error] = std::from_chars(field.data(), end, value);
  if (error != std::errc() || stop != end) reject(column, wanted);
  return value;
}

}  // namespace cape::shard
