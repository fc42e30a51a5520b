/// A table of texts and numbers, for people and for programs.
#pragma once

#include <string>
#include <vector>

namespace cape {

struct Table {
  std::string name;   ///< of its file: tables/<name>.csv
  std::string title;  ///< for people
  std::vector<std::string> notes;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

/// "1.57"; empty for a value that is none.
std::string decimals(double value, int digits = 2);

/// Stands where an input could not give a figure.
inline constexpr const char* kNotAvailable = "not available";

/// decimals(), and kNotAvailable for a value that is none.
std::string figure(double value);

/// The shortest text that reads back as the same number; empty for none.
std::string exact(double value);

/// One line, quoted where needed (RFC 4180), with its end.
std::string csv_line(const std::vector<std::string>& fields);

/// Header and rows; the notes are left out.
std::string to_csv(const Table& table);

}  // namespace cape
