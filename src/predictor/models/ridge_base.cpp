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
                                          std::span<const RowIndex> rows,
                                          const FeatureSet& features) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  const double few =
      kRidge + kFewValuesPenalty * static_cast<double>(rows.size());
  const auto of = [&](std::uint32_t MetaRow::*name) {
    return are_few(table, rows, name) ? few : kRidge;
  };
  const bool in_training_mode =
      std::ranges::any_of(features.features, is_of_training_mode_steps);
  return {
      {Evidence::none, kNever},
      {Evidence::rows, kRidge},
      {Evidence::datasets, in_training_mode ? kNever : of(&MetaRow::dataset)},
      {Evidence::architectures, of(&MetaRow::architecture)}};
}

LinearModel fit_ridge(const MetaTable& table, std::span<const RowIndex> rows,
                      const FeatureSet& features) {
  const Matrix x = feature_matrix(table, rows, features);
  const auto penalty_of = find_penalties(table, rows, features);
  std::vector<double> penalties;
  for (const Feature& feature : features.features) {
    penalties.push_back(penalty_of.at(feature.evidence));
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
