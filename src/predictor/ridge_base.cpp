#include "predictor/ridge_base.h"

#include <cmath>
#include <limits>
#include <set>

namespace cape {
namespace {

/// The penalty on a weight, in rows.
constexpr double kRidge = 1;

/// Values that a feature must have had to be extrapolated.
constexpr std::size_t kLeastValues = 8;

std::size_t count_values(const Matrix& x, std::size_t column) {
  std::set<float> values;
  for (std::size_t i = 0; i < x.rows; ++i) {
    if (!std::isnan(x.at(i, column))) values.insert(x.at(i, column));
  }
  return values.size();
}

LinearModel fit_ridge(const MetaTable& table, std::span<const RowIndex> rows,
                      const FeatureSet& features) {
  const Matrix x = feature_matrix(table, rows, features);
  std::vector<double> penalties;
  for (std::size_t j = 0; j < x.columns; ++j) {
    const Feature& feature = features.features[j];
    const bool is_out =
        feature.base_penalty == kNotLinear ||
        (feature.extrapolates && count_values(x, j) < kLeastValues);
    penalties.push_back(is_out ? std::numeric_limits<double>::infinity()
                               : kRidge + feature.base_penalty *
                                              static_cast<double>(x.rows));
  }
  return fit_linear(x, log_steps(table, rows), penalties);
}

}  // namespace

RidgeBase RidgeBase::fit(const MetaTable& table, std::span<const RowIndex> rows,
                         const FeatureSet& features) {
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

}  // namespace cape
