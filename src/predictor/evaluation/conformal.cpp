#include "predictor/evaluation/conformal.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <utility>

#include "core/error.h"

namespace cape::predictor {
namespace {

/// An upper bound for a share `level` of new values, from the `sorted` ones.
/// The new value counts as the (n + 1)-th.
double upper_quantile(const std::vector<double>& sorted, double level) {
  const auto count = static_cast<double>(sorted.size());
  const auto rank = static_cast<std::size_t>(std::ceil(level * (count + 1)));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

Offsets offsets_of(std::vector<double> residuals, double level, Sides sides) {
  if (sides == Sides::unknown) {
    for (double& residual : residuals) residual = std::abs(residual);
    std::ranges::sort(residuals);
    const double most = upper_quantile(residuals, level);
    return {-most, most};
  }
  std::ranges::sort(residuals);
  const double tail = (1 - level) / 2;
  Offsets offsets;
  offsets.upper = upper_quantile(residuals, 1 - tail);
  for (double& residual : residuals) residual = -residual;
  std::ranges::reverse(residuals);
  offsets.lower = -upper_quantile(residuals, 1 - tail);
  return offsets;
}

/// The counts of one group.
struct Count {
  double inside = 0;
  double width = 0;
  std::int64_t rows = 0;
};

}  // namespace

ByFamily<Offsets> conformal_offsets(const MetaTable& table,
                                    std::span<const RowIndex> rows,
                                    std::span<const double> predicted,
                                    double level, Sides sides) {
  std::vector<RowIndex> known;
  std::ranges::copy_if(rows, std::back_inserter(known), [&](RowIndex row) {
    return !std::isnan(predicted[row]);
  });
  if (known.empty()) fail("intervals of no predictions");
  return each_family(table, known, [&](std::span<const RowIndex> members) {
    std::vector<double> residuals;
    for (const RowIndex row : members) {
      residuals.push_back(std::log(table.rows[row].t_star) -
                          std::log(predicted[row]));
    }
    return offsets_of(std::move(residuals), level, sides);
  });
}

std::vector<Coverage> measure_coverage(const MetaTable& table,
                                       std::span<const RowIndex> rows,
                                       std::span<const Interval> intervals) {
  std::map<std::string, Count> counts;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MetaRow& row = table.rows[rows[i]];
    const auto [lower, upper] = intervals[i];
    for (const std::string& group :
         {std::string("overall"), "family=" + table.family(row),
          "dataset=" + table.dataset(row)}) {
      Count& count = counts[group];
      count.inside += lower <= row.t_star && row.t_star <= upper ? 1 : 0;
      count.width += upper / lower;
      ++count.rows;
    }
  }
  std::vector<Coverage> coverage;
  for (const auto& [group, count] : counts) {
    const auto number = static_cast<double>(count.rows);
    coverage.push_back(
        {group, count.inside / number, count.width / number, count.rows});
  }
  return coverage;
}

std::vector<Coverage> measure_coverage(const MetaTable& table,
                                       const Scheme& scheme,
                                       std::span<const double> predicted,
                                       double level, Sides sides) {
  std::vector<RowIndex> rows;
  std::vector<Interval> intervals;
  for (int part = 0; part < scheme.parts; ++part) {
    std::vector<RowIndex> others;
    std::vector<RowIndex> own;
    for (RowIndex row = 0; row < table.rows.size(); ++row) {
      if (std::isnan(predicted[row])) continue;
      (scheme.part_of_row[row] == part ? own : others).push_back(row);
    }
    if (others.empty()) continue;
    const ByFamily<Offsets> offsets =
        conformal_offsets(table, others, predicted, level, sides);
    for (const RowIndex row : own) {
      const auto& [lower, upper] = offsets.of(table.family(table.rows[row]));
      rows.push_back(row);
      intervals.push_back(
          {predicted[row] * std::exp(lower), predicted[row] * std::exp(upper)});
    }
  }
  return measure_coverage(table, rows, intervals);
}

}  // namespace cape::predictor
