#include "predictor/evaluation/table.h"

#include <fmt/format.h>

#include <cmath>

namespace cape::predictor {

std::string decimals(double value, int digits) {
  return std::isnan(value) ? std::string()
                           : fmt::format("{:.{}f}", value, digits);
}

std::string figure(double value) {
  return std::isnan(value) ? kNotAvailable : decimals(value);
}

std::string exact(double value) {
  return std::isnan(value) ? std::string() : fmt::to_string(value);
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  for (const std::string& field : fields) {
    if (&field != &fields.front()) line += ',';
    if (field.find_first_of(",\"\n\r") == std::string::npos) {
      line += field;
      continue;
    }
    line += '"';
    for (const char c : field) line += c == '"' ? "\"\"" : std::string(1, c);
    line += '"';
  }
  return line + "\n";
}

std::string to_csv(const Table& table) {
  std::string csv = csv_line(table.header);
  for (const auto& row : table.rows) csv += csv_line(row);
  return csv;
}

}  // namespace cape::predictor
