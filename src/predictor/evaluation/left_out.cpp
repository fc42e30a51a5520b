#include "predictor/evaluation/left_out.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "predictor/data/folds.h"
#include "predictor/evaluation/evaluate.h"

namespace cape::predictor {
namespace {

// A part has several kinds or sources where there are more of them, since every
// part is a fit.
constexpr int kKindParts = 8;
constexpr int kSourceParts = 8;
constexpr int kKindPartsOfBoth = 5;
constexpr int kSourcePartsOfBoth = 4;
constexpr int kRandomFolds = 5;

/// A number for each row of the table, from 0; kNeverHeldOut for other rows.
using Parts = std::vector<int>;

using Groups = std::vector<std::uint32_t>;

/// Deals the names to `most` parts, those with the most rows first, each to the
/// part that has the fewest rows.
Parts deal(const MetaTable& table, std::span<const RowIndex> rows,
           std::span<const std::uint32_t> name_of_row, int most) {
  std::map<std::uint32_t, std::int64_t> counts;
  for (const RowIndex row : rows) ++counts[name_of_row[row]];
  std::vector<std::pair<std::int64_t, std::uint32_t>> names;
  names.reserve(counts.size());
  for (const auto& [name, count] : counts) names.emplace_back(count, name);
  std::ranges::sort(names, [&](const auto& a, const auto& b) {
    return std::pair(-a.first, table.names.text(a.second)) <
           std::pair(-b.first, table.names.text(b.second));
  });
  std::vector<std::int64_t> sizes(
      std::min<std::size_t>(static_cast<std::size_t>(most), names.size()));
  std::map<std::uint32_t, int> part_of;
  for (const auto& [count, name] : names) {
    const auto smallest = std::ranges::min_element(sizes);
    *smallest += count;
    part_of[name] = static_cast<int>(smallest - sizes.begin());
  }
  Parts parts(table.rows.size(), kNeverHeldOut);
  for (const RowIndex row : rows) parts[row] = part_of.at(name_of_row[row]);
  return parts;
}

/// A number for each source of data: that of one of its data sets.
Groups sources_of(const MetaTable& table, std::span<const RowIndex> rows,
                  const Sources& sources) {
  Groups groups(table.rows.size());
  std::map<std::string, std::uint32_t> numbers;
  for (const RowIndex i : rows) {
    const MetaRow& row = table.rows[i];
    groups[i] = numbers.try_emplace(sources.of(table.dataset(row)), row.dataset)
                    .first->second;
  }
  return groups;
}

}  // namespace

std::vector<LeaveOut> ways_to_leave_out(const MetaTable& table,
                                        std::span<const RowIndex> rows,
                                        const Sources& sources,
                                        std::uint64_t seed) {
  Groups kinds(table.rows.size());
  Groups trajectories(table.rows.size());
  for (const RowIndex i : rows) {
    kinds[i] = table.rows[i].group;
    trajectories[i] = table.rows[i].trajectory;
  }
  const Groups origins = sources_of(table, rows, sources);
  const Parts folds = kfold(table, rows, kRandomFolds, seed).part_of_row;
  const Parts kind_parts = deal(table, rows, kinds, kKindParts);
  const Parts source_parts = deal(table, rows, origins, kSourceParts);
  const Grouping by_kind = {GroupedBy::kind, kinds};
  const Grouping by_source = {GroupedBy::source, origins};
  return {
      {Novelty::none, folds, folds, {{GroupedBy::trajectory, trajectories}}},
      {Novelty::kind, kind_parts, kind_parts, {by_kind}},
      {Novelty::source, source_parts, source_parts, {by_source}},
      {Novelty::both,
       deal(table, rows, kinds, kKindPartsOfBoth),
       deal(table, rows, origins, kSourcePartsOfBoth),
       {by_kind, by_source}}};
}

std::vector<double> predict_left_out(
    const MetaTable& table, std::span<const RowIndex> rows, const LeaveOut& way,
    const std::function<bool(RowIndex)>& can_be_fitted,
    const FitAndPredict& fit_and_predict) {
  std::set<std::pair<int, int>> parts;
  for (const RowIndex row : rows) parts.emplace(way.a[row], way.b[row]);
  const std::vector<std::pair<int, int>> cells(parts.begin(), parts.end());
  std::vector<double> predicted(table.rows.size(),
                                std::numeric_limits<double>::quiet_NaN());
  run_parallel(static_cast<int>(cells.size()), [&](int cell) {
    const auto [part_of_a, part_of_b] = cells[static_cast<std::size_t>(cell)];
    std::vector<RowIndex> fitted;
    std::vector<RowIndex> held_out;
    for (const RowIndex row : rows) {
      const bool in_a = way.a[row] == part_of_a;
      const bool in_b = way.b[row] == part_of_b;
      if (in_a && in_b) held_out.push_back(row);
      if (!in_a && !in_b) fitted.push_back(row);
    }
    std::erase_if(fitted, [&](RowIndex row) { return !can_be_fitted(row); });
    if (fitted.empty()) return;
    const std::vector<double> values = fit_and_predict(fitted, held_out);
    for (std::size_t i = 0; i < held_out.size(); ++i) {
      predicted[held_out[i]] = values[i];
    }
  });
  return predicted;
}

}  // namespace cape::predictor
