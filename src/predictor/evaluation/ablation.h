/// How much each group of the extended features helps.
#pragma once

#include <string>
#include <vector>

#include "predictor/evaluation/comparison.h"
#include "predictor/evaluation/table.h"

namespace cape::predictor {

/// Mean absolute errors in steps of the extended model.
struct Ablation {
  /// The errors without one group of features.
  struct Line {
    std::string left_out;  ///< the group; empty: none, all features are there
    std::vector<double> mae;  ///< a value per column; NaN: not available
  };
  std::string model;                 ///< without one group after the other
  std::string unit;                  ///< of the errors: "steps", "epochs"
  std::vector<std::string> columns;  ///< "kfold family=mlp"
  std::vector<Line> lines;           ///< that of all features first
};

/// Of the model without one group of features after the other, a family each,
/// under every scheme of the comparison but "test".
Ablation ablation(const Inputs& inputs, const Comparison& comparison,
                  const ComparisonOptions& options);

Table to_table(const Ablation& ablation);

}  // namespace cape::predictor
