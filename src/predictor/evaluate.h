/// Evaluation of a regressor on rows that it was not fitted on.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "predictor/metrics.h"
#include "predictor/regressor.h"

namespace cape {

/// The metrics of the rows that share a value of one column.
struct Group {
  std::string column;  ///< "family", "learning_rate", ...; empty: all rows
  std::string value;   ///< "mlp", "0.001", ...; empty: all rows
  Metrics metrics;

  /// "overall", "family=mlp", "learning_rate=0.001".
  std::string name() const;
};

/// One regressor under one scheme: a block of metrics.json.
struct Evaluation {
  std::string scheme;             ///< "kfold"
  std::string model;              ///< "xgboost_paper"
  std::string description;        ///< of the model, for people
  std::vector<double> predicted;  ///< steps, one a row of the table
  std::vector<Group> groups;
};

/// Predicts the rows of each fold with a model fitted on the other folds.
/// `fold_of_row` is assign_folds() of the table. Returns steps, one a row.
std::vector<double> cross_validate(const MetaTable& table,
                                   std::span<const int> fold_of_row, int folds,
                                   const Fit& fit);

/// Metrics of all rows, then by family, data set, learning rate, B and epsilon,
/// each in ascending order.
std::vector<Group> group_metrics(const MetaTable& table,
                                 std::span<const double> predicted);

}  // namespace cape
