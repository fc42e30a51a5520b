/// Values that differ from one family of models to another.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "predictor/data/meta_table.h"

namespace cape::predictor {

template <class T>
struct ByFamily {
  T overall;  ///< of all rows together
  /// Empty where all rows are of one family.
  std::map<std::string, T> families;

  const T& of(const std::string& family) const {
    const auto found = families.find(family);
    return found == families.end() ? overall : found->second;
  }
};

/// Applies `fit` to all rows, and to the rows of each family.
template <class Fit>
auto each_family(const MetaTable& table, std::span<const RowIndex> rows,
                 const Fit& fit) {
  std::map<std::uint32_t, std::vector<RowIndex>> members;
  for (const RowIndex row : rows) {
    members[table.rows[row].family].push_back(row);
  }
  ByFamily<decltype(fit(rows))> all = {.overall = fit(rows), .families = {}};
  if (members.size() == 1) return all;
  for (const auto& [family, its_rows] : members) {
    all.families[table.names.text(family)] = fit(its_rows);
  }
  return all;
}

}  // namespace cape::predictor
