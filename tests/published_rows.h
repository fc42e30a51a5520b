/// The published meta-datasets, for tests that compare with them: the folder
/// that CAPE_REFERENCE_DIR names.
#pragma once

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace cape {

inline constexpr const char* kNoPublishedRows =
    "CAPE_REFERENCE_DIR does not name the published rows";

/// The values of one CSV row by their columns' names.
using PublishedRow = std::map<std::string, std::string>;

inline std::vector<std::string> split_csv_line(const std::string& line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c != '\r') {
      fields.back() += c;
    }
  }
  return fields;
}

/// All rows of `file`; nothing when the environment names no folder.
inline std::optional<std::vector<PublishedRow>> published_rows(
    const std::string& file) {
  const char* folder = std::getenv("CAPE_REFERENCE_DIR");
  if (folder == nullptr) return std::nullopt;
  std::ifstream stream(std::string(folder) + "/" + file);
  std::string line;
  std::getline(stream, line);
  const std::vector<std::string> columns = split_csv_line(line);
  std::vector<PublishedRow> rows;
  while (std::getline(stream, line)) {
    const std::vector<std::string> fields = split_csv_line(line);
    PublishedRow& row = rows.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      row[columns[i]] = fields.at(i);
    }
  }
  return rows;
}

}  // namespace cape
