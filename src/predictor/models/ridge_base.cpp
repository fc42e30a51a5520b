#include "predictor/models/ridge_base.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <set>

namespace cape::predictor {
namespace {

/// The penalty on a weight. If the weight is learnt from fewer than
/// kEnoughValues different values, kFewValuesPenalty times the number of rows
/// is added. See docs/predictor.md.
constexpr double kRidge = 1;
constexpr double kFewValuesPenalty = 0.05;
constexpr std::size_t kEnoughValues = 8;

/// The penalty on each weight of one regression on all features, which are many
/// for the rows that whole trainings have.
constexpr double kRidgeTogether = 30;

/// The number of values that a feature must have had to be extrapolated.
constexpr std::size_t kLeastValues = 8;

std::size_t count_values(const Matrix& x, std::size_t column) {
  std::set<float> values;
  for (std::size_t i = 0; i < x.rows; ++i) {
    if (!std::isnan(x.at(i, column))) values.insert(x.at(i, column));
  }
  return values.size();
}

/// Rows that do not name their architecture can be of any number of them.
bool are_few(const MetaTable& table, std::span<const RowIndex> rows,
             std::uint32_t MetaRow::*name) {
  std::set<std::uint32_t> names;
  for (const RowIndex row : rows) {
    names.insert(table.rows[row].*name);
    if (names.size() == kEnoughValues) return false;
  }
  return std::ranges::none_of(
      names, [&](std::uint32_t id) { return table.names.text(id).empty(); });
}

/// The penalty of each feature, by the number of values its weight is learnt
/// from.
std::map<Evidence, double> find_penalties(const MetaTable& table,
                                          std::span<const RowIndex> rows) {
  const double few =
      kRidge + kFewValuesPenalty * static_cast<double>(rows.size());
  return {{Evidence::none, std::numeric_limits<double>::infinity()},
          {Evidence::rows, kRidge},
          {Evidence::datasets,
           are_few(table, rows, &MetaRow::dataset) ? few : kRidge},
          {Evidence::architectures,
           are_few(table, rows, &MetaRow::architecture) ? few : kRidge}};
}

LinearModel fit_ridge(const MetaTable& table, std::span<const RowIndex> rows,
                      const FeatureSet& features) {
  const Matrix x = feature_matrix(table, rows, features);
  const auto penalty_of = find_penalties(table, rows);
  std::vector<double> penalties;
  for (std::size_t j = 0; j < x.columns; ++j) {
    const Feature& feature = features.features[j];
    const bool has_too_few_values =
        feature.extrapolates && count_values(x, j) < kLeastValues;
    penalties.push_back(
        penalty_of.at(has_too_few_values ? Evidence::none : feature.evidence));
  }
  return fit_linear(x, log_steps(table, rows), penalties);
}

}  // namespace

RidgeBase RidgeBase::fit(const MetaTable& table, std::span<const RowIndex> rows,
                         const FeatureSet& features, Base base) {
  if (base == Base::together) {
    const std::vector<double> penalties(features.size(), kRidgeTogether);
    return {{fit_linear(feature_matrix(table, rows, features),
                        log_steps(table, rows), penalties),
             {}}};
  }
  return {each_family(table, rows, [&](std::span<const RowIndex> members) {
    return fit_ridge(table, members, features);
  })};
}

std::vector<float> RidgeBase::predict(const MetaTable& table,
                                      std::span<const RowIndex> rows,
                                      const Matrix& x) const {
  std::vector<float> predicted;
  predicted.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LinearModel& linear = of(table.family(table.rows[rows[i]]));
    predicted.push_back(static_cast<float>(linear.predict(x.row(i))));
  }
  return predicted;
}

}  // namespace cape::predictor
