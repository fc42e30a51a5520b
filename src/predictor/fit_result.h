/// Everything that a run of cape_fit found: what the model directory and the
/// report are written from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "predictor/evaluate.h"
#include "predictor/inputs.h"
#include "predictor/meta_table.h"
#include "predictor/regressor.h"

namespace cape {

struct FitResult {
  std::vector<InputSummary> inputs;
  std::vector<std::string> warnings;  ///< what people should know of them
  MetaTable table;                    ///< the rows fitted on, none unusable
  std::int64_t unusable = 0;          ///< rows left out, see is_usable()
  int folds = 0;
  std::uint64_t seed = 0;
  std::vector<int> fold_of_row;
  BoosterSettings settings;
  XgboostModel model;                   ///< fitted on all rows of the table
  std::vector<Evaluation> evaluations;  ///< the first is of `model`'s kind
};

}  // namespace cape
