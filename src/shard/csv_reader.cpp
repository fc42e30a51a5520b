#include "shard/csv_reader.h"

#include <algorithm>

#include "core/error.h"

namespace cape::shard {

CsvReader::CsvReader(std::string_view text) : rest_(text) {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  const std::string_view line = rest_.substr(0, rest_.find_first_of("\r\n"));
  for (const char separator : {'\t', ';', ','})
    if (line.find(separator) != line.npos) separator_ = separator;
}

bool CsvReader::next(std::vector<std::string>& fields) {
  while (!rest_.empty() && at_line_end()) skip_line_end();
  if (rest_.empty()) return false;
  record_line_ = line_;
  fields.clear();
  fields.push_back(next_field());
  while (rest_.starts_with(separator_)) {
    rest_.remove_prefix(1);
    fields.push_back(next_field());
  }
  skip_line_end();
  return true;
}

std::string CsvReader::next_field() {
  std::string field;
  while (!at_line_end() && rest_.front() != separator_) {
    if (rest_.front() == '"') {
      field += quoted_part();
    } else {
      field += rest_.front();
      rest_.remove_prefix(1);
    }
  }
  return field;
}

std::string CsvReader::quoted_part() {
  std::string part;
  rest_.remove_prefix(1);
  for (;;) {
    const std::size_t quote = rest_.find('"');
    if (quote == rest_.npos) {
      fail("a quoted field that begins on line {} does not end", line_);
    }
    part += rest_.substr(0, quote);
    rest_.remove_prefix(quote + 1);
    if (!rest_.starts_with('"')) break;
    part += '"';
    rest_.remove_prefix(1);
  }
  line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
  return part;
}

bool CsvReader::at_line_end() const {
  return rest_.empty() || rest_.front() == '\n' || rest_.front() == '\r';
}

void CsvReader::skip_line_end() {
  if (rest_.empty()) return;
  rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
  ++line_;
}

}  // namespace cape::shard
