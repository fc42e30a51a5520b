/// Evaluation of a regressor on rows that it was not fitted on.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/data/folds.h"
#include "predictor/evaluation/bootstrap.h"
#include "predictor/evaluation/metrics.h"
#include "predictor/evaluation/regressor.h"

namespace cape::predictor {

/// The metrics of the rows that share a value of one column.
struct MetricGroup {
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
  std::vector<MetricGroup> groups;  ///< of the rows predicted
};

/// Schemes that leave one out fit on at most this many rows, of whole
/// trajectories that the seed draws. They serve to compare, and there can be
/// many parts.
inline constexpr std::size_t kMostRowsLeftOut = 100'000;

/// Predicts the rows of each part with a model that is fitted on the other
/// parts (and on rows that are never held out). Returns steps, one for each row
/// of the table; NaN for rows that are never held out.
std::vector<double> cross_validate(const MetaTable& table,
                                   std::span<const RowIndex> rows,
                                   const Scheme& scheme, const Fit& fit,
                                   std::uint64_t seed);

/// Metrics of all rows that have a prediction, then by family, data set,
/// learning rate, B, epsilon and samples, each in ascending order, and by
/// whether the row converged if some did not. Columns with very many values are
/// left out. Empty if there are no predictions.
std::vector<MetricGroup> group_metrics(const MetaTable& table,
                                       std::span<const double> predicted,
                                       std::uint64_t seed);

/// The metrics of the group with that name, such as "family=mlp"; NaN if there
/// is none.
double mae_of(std::span<const MetricGroup> groups, std::string_view name);

/// Calls `run` with 0, ..., count - 1, on all cores and in any order. Throws
/// what one of them threw.
void run_parallel(int count, const std::function<void(int)>& run);

}  // namespace cape::predictor
