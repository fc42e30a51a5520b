/// Cuts CSV text (RFC 4180, any line ending) into records. Fields may also be
/// separated by semicolons or tabs, as spreadsheets write them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cape::shard {

class CsvReader {
 public:
  /// `text` must outlive the reader. A byte order mark is skipped. The first
  /// line tells the separator: a comma if it has one, else a semicolon or tab.
  explicit CsvReader(std::string_view text);

  /// Reads the next record that is not an empty line; false at the end. Throws
  /// Error when a quoted field does not end.
  bool next(std::vector<std::string>& fields);

  char separator() const { return separator_; }

  /// The line, from 1, on which the last record began.
  std::size_t line() const { return record_line_; }

 private:
  std::string next_field();
  std::string quoted_part();
  bool at_line_end() const;
  void skip_line_end();

  std::string_view rest_;
  char separator_ = ',';
  std::size_t line_ = 1;
  std::size_t record_line_ = 0;
};

}  // namespace cape::shard
