/// Picks rows by the value of a column: "max_steps=5000".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shard/schema.h"

namespace cape::shard {

class RowFilter {
 public:
  /// `condition` is COLUMN=VALUE. Numbers are equal as numbers; truth is true
  /// or false. Throws UserError for another form, an unknown column and a value
  /// that the column cannot have.
  explicit RowFilter(std::string_view condition);

  bool matches(const Row& row) const;

 private:
  const Column* column_;
  std::string text_;
  double number_ = 0;
};

/// Whether all of `filters` match; true without any.
bool matches_all(const std::vector<RowFilter>& filters, const Row& row);

}  // namespace cape::shard
