/// Evaluation of a regressor on rows that it was not fitted on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/bootstrap.h"
#include "predictor/folds.h"
#include "predictor/metrics.h"
#include "predictor/regressor.h"

namespace cape {

/// The metrics of the rows that share a value of one column.
struct Group {
  std::string column;  ///< "family", "learning_rate", ...; empty: all rows
  std::string value;   ///< "mlp", "0.001", ...; empty: all rows
  Metrics metrics;
  MetricIntervals intervals;

  /// "overall", "family=mlp", "learning_rate=0.001".
  std::string name() const;
};

/// One regressor under one scheme: a block of metrics.json.
struct Evaluation {
  SchemeName scheme;
  std::string model;              ///< "xgboost_paper"
  std::string description;        ///< of the model, for people
  std::vector<double> predicted;  ///< steps, one a row of the table; NaN where
                                  ///< the row was not predicted
  std::vector<Group> groups;      ///< of the rows predicted
};

/// Schemes that leave one out fit on at most so many rows, of whole
/// trajectories drawn by the seed: they are there to compare, and there can be
/// many parts.
inline constexpr std::size_t kMostRowsLeftOut = 100'000;

/// Predicts the rows of each part with a model fitted on the other parts (and
/// on rows never held out). Returns steps, one a row of the table; NaN for rows
/// never held out.
std::vector<double> cross_validate(const MetaTable& table,
                                   std::span<const RowIndex> rows,
                                   const Scheme& scheme, const Fit& fit,
                                   std::uint64_t seed);

/// Metrics of all rows that have a prediction, then by family, data set,
/// learning rate, B and epsilon, each in ascending order, and by whether the
/// row converged where some did not. Empty without predictions.
std::vector<Group> group_metrics(const MetaTable& table,
                                 std::span<const double> predicted,
                                 std::uint64_t seed);

/// Of the group of that name, "family=mlp"; NaN where there is none.
double mae_of(std::span<const Group> groups, std::string_view name);

}  // namespace cape
