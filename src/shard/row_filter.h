/// Picks rows by the value of a column: "max_steps=5000", "dataset!=mnist".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shard/schema.h"

namespace cape::shard {

class RowFilter {
 public:
  /// What a column of each type holds.
  using Value = std::variant<std::string, double, std::int32_t, std::int64_t,
                             std::uint64_t, bool>;

  /// `condition` is COLUMN=VALUE or COLUMN!=VALUE. Numbers are equal as
  /// numbers; truth is true or false. Throws UserError for another form, an
  /// unknown column and a value that the column cannot have.
  explicit RowFilter(std::string_view condition);

  bool matches(const Row& row) const;

  /// Whether it is COLUMN!=VALUE.
  bool is_negated() const { return !equal_; }

  const std::string& condition() const { return condition_; }

 private:
  std::string condition_;
  const Column* column_;
  Value value_;
  bool equal_;  ///< what matches has the value; else it has another
};

}  // namespace cape::shard
