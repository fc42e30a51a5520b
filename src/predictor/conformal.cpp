#include "predictor/conformal.h"

#include <algorithm>
#include <cmath>

namespace cape {
namespace {

/// The value that a share `level` of new values is at most, going by `sorted`.
/// The (n + 1)-th is the new one.
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

double residual(const MetaRow& row, double predicted) {
  return std::log(row.t_star) - std::log(predicted);
}

/// Counts of one group.
struct Count {
  double inside = 0;
  double width = 0;
  std::int64_t rows = 0;
};

}  // namespace

OffsetsByFamily conformal_offsets(const MetaTable& table,
                                  std::span<const RowIndex> rows,
                                  std::span<const double> predicted,
                                  double level, Sides sides) {
  std::map<std::string, std::vector<double>> residuals;
  for (const RowIndex i : rows) {
    if (std::isnan(predicted[i])) continue;
    const double value = residual(table.rows[i], predicted[i]);
    residuals[table.family(table.rows[i])].push_back(value);
    residuals["overall"].push_back(value);
  }
  OffsetsByFamily offsets;
  for (auto& [family, values] : residuals) {
    offsets[family] = offsets_of(std::move(values), level, sides);
  }
  return offsets;
}

std::vector<Coverage> measure_coverage(const MetaTable& table,
                                       const Scheme& scheme,
                                       std::span<const double> predicted,
                                       double level, Sides sides) {
  std::map<std::string, Count> counts;
  for (int part = 0; part < scheme.parts; ++part) {
    std::vector<RowIndex> others;
    std::vector<RowIndex> own;
    for (RowIndex row = 0; row < table.rows.size(); ++row) {
      if (std::isnan(predicted[row])) continue;
      (scheme.part_of_row[row] == part ? own : others).push_back(row);
    }
    const OffsetsByFamily offsets =
        conformal_offsets(table, others, predicted, level, sides);
    for (const RowIndex i : own) {
      const MetaRow& row = table.rows[i];
      const auto found = offsets.find(table.family(row));
      if (found == offsets.end()) continue;
      const auto [lower, upper] = found->second;
      const double value = residual(row, predicted[i]);
      for (const std::string& group :
           {std::string("overall"), "family=" + table.family(row),
            "dataset=" + table.dataset(row)}) {
        Count& count = counts[group];
        count.inside += lower <= value && value <= upper ? 1 : 0;
        count.width += std::exp(upper - lower);
        ++count.rows;
      }
    }
  }
  std::vector<Coverage> coverage;
  for (const auto& [group, count] : counts) {
    const auto rows = static_cast<double>(count.rows);
    coverage.push_back(
        {group, count.inside / rows, count.width / rows, count.rows});
  }
  return coverage;
}

}  // namespace cape
