/// A CSV file whose first record names its columns, read row by row. Every
/// fault is a UserError that names the file, the line, the column and what was
/// found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "shard/csv_reader.h"

namespace cape::shard {

/// The columns that a kind of file has.
struct CsvColumns {
  std::string_view kind;  ///< for messages: "a published CAPE meta-dataset"
  std::span<const char* const> required;
  std::span<const char* const> optional;
};

class CsvTable {
 public:
  /// Reads the header. `name` is for messages. `text` and what `columns` points
  /// to must outlive the table. A column that is missing or not among
  /// `columns` is an error, but a first one without a name, as pandas writes
  /// for the index, is left alone.
  CsvTable(std::string name, std::string_view text, const CsvColumns& columns);

  /// Steps to the next row; false at the end.
  bool next();

  bool has(std::string_view column) const;

  /// The field of a column that the file has.
  const std::string& text(std::string_view column) const;

  /// A finite number.
  double number(std::string_view column) const;
  double number(std::string_view column, double most) const;

  std::int32_t integer(std::string_view column, std::int32_t least) const;

  /// A number of type T: double, or an integer. It may be infinite.
  template <class T>
  T value(std::string_view column) const {
    return parsed<T>(column,
                     std::is_floating_point_v<T> ? "a number" : "an integer");
  }

  /// True or False.
  bool truth(std::string_view column) const;

  /// Throws the error for a field that is not what `wanted` says.
  [[noreturn]] void reject(std::string_view column,
                           std::string_view wanted) const;

  /// "file:line" of the row.
  std::string where() const;

 private:
  void check_header(const CsvColumns& columns) const;
  bool next_record();
  template <class T>
  T parsed(std::string_view column, std::string_view wanted) const;
  /// Throws the error for a number with a decimal comma in a file that has
  /// decimal points, or the other way round.
  void check_decimals(std::string_view column, char decimal) const;

  std::string name_;
  CsvReader reader_;
  std::vector<std::string> header_;
  std::vector<std::string> fields_;
  /// Where the file has the first number with a decimal comma or point.
  struct FirstDecimal {
    char decimal;
    std::size_t line;
    std::string column, field;
  };
  mutable std::optional<FirstDecimal> first_decimal_;
};

}  // namespace cape::shard
