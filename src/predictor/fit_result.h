/// Everything that a run of cape_fit found: what the model directory and the
/// report are written from.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "predictor/comparison.h"
#include "predictor/conformal.h"
#include "predictor/fit.h"
#include "predictor/inputs.h"
#include "predictor/model.h"
#include "predictor/table.h"

namespace cape {

/// What intervals come to under one scheme.
struct Intervals {
  std::string scheme;
  OffsetsByFamily offsets;
  std::vector<Coverage> coverage;
};

struct FitResult {
  FitOptions options;
  Inputs inputs;
  std::vector<std::string> left_out;  ///< features that no row tells apart
  Comparison comparison;
  Model model;  ///< fitted on all of inputs.rows
  std::vector<Intervals> intervals;
  std::vector<Table> tables;  ///< of the ablation and the paper's, as asked for
};

}  // namespace cape
