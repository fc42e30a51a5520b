/// How rows are split into parts. Each part is predicted by a model that is
/// fitted on the others. The rows of a trajectory come from one training and
/// are never separated.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/enum_names.h"
#include "predictor/data/meta_table.h"

namespace cape::predictor {

/// The part of a row that is always fitted on and never predicted.
inline constexpr int kNeverHeldOut = -1;

/// Which rows are held out together.
enum class SchemeName {
  kfold,
  leave_one_architecture_out,
  leave_one_dataset_out,
  test  ///< rows that are never fitted on
};

constexpr auto enum_names(SchemeName) {
  using enum SchemeName;
  return EnumNames{
      "scheme", std::to_array<EnumName<SchemeName>>(
                    {{kfold, "kfold"},
                     {leave_one_architecture_out, "leave_one_architecture_out"},
                     {leave_one_dataset_out, "leave_one_dataset_out"},
                     {test, "test"}})};
}

struct Scheme {
  SchemeName name;
  std::vector<int> part_of_row;  ///< a row of the table each
  /// The part whose fit must not see the row: that of the row, or for a row
  /// that is only fitted on the one that it has something in common with.
  std::vector<int> hidden_from;
  int parts = 0;
  std::string unavailable;  ///< why it cannot be used; empty: it can
};

/// K folds of the given rows. The trajectories of each family and data set are
/// spread evenly over them. Depends on the trajectories and the seed, not on
/// the order of the rows. Throws UserError if there are fewer trajectories than
/// folds.
Scheme kfold(const MetaTable& table, std::span<const RowIndex> rows, int folds,
             std::uint64_t seed);

/// One part for each data set. The rows `more` are fitted on and never
/// predicted; those of a data set that is left out are left out with it.
Scheme leave_one_dataset_out(const MetaTable& table,
                             std::span<const RowIndex> rows,
                             std::span<const RowIndex> more = {});

/// One part for each architecture, as leave_one_dataset_out() has them for data
/// sets. There are at most kMostArchitectureParts parts, so with more
/// architectures some parts hold several.
inline constexpr int kMostArchitectureParts = 10;
Scheme leave_one_architecture_out(const MetaTable& table,
                                  std::span<const RowIndex> rows,
                                  std::span<const RowIndex> more = {});

/// Rows of whole trajectories: about `fraction` of each family's, drawn by the
/// seed. One value for each row of `rows`, true for those drawn.
std::vector<bool> draw_trajectories(const MetaTable& table,
                                    std::span<const RowIndex> rows,
                                    double fraction, std::uint64_t seed);

}  // namespace cape::predictor
