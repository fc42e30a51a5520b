/// A table of texts and numbers, for people and for programs.
#pragma once

#include <string>
#include <vector>

namespace cape::predictor {

struct Table {
  std::string name;   ///< of its file: tables/<name>.csv
  std::string title;  ///< for people
  std::vector<std::string> notes;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

/// "1.57"; empty for NaN.
std::string decimals(double value, int digits = 2);

/// Printed where an input could not give a figure.
inline constexpr const char* kNotAvailable = "not available";

/// decimals(), or kNotAvailable for NaN.
std::string figure(double value);

/// The shortest text that reads back as the same number; empty for NaN.
std::string exact(double value);

/// One line with its end; fields are quoted where needed (RFC 4180).
std::string csv_line(const std::vector<std::string>& fields);

/// Header and rows, without the notes.
std::string to_csv(const Table& table);

}  // namespace cape::predictor
