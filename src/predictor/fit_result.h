/// Everything that a run of cape_fit found. The model directory and the report
/// are written from it.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "predictor/ablation.h"
#include "predictor/comparison.h"
#include "predictor/conformal.h"
#include "predictor/fit.h"
#include "predictor/inputs.h"
#include "predictor/predictor.h"
#include "predictor/table.h"

namespace cape {

/// What intervals cover under one scheme.
struct SchemeCoverage {
  SchemeName scheme;
  std::vector<Coverage> groups;
};

struct FitResult {
  FitOptions options;
  Inputs inputs;
  std::vector<std::string> left_out;  ///< features with a single value
  Comparison comparison;
  Predictor predictor;  ///< fitted on all of inputs.rows
  std::vector<SchemeCoverage> coverage{};
  std::optional<Ablation> ablation{};  ///< where asked for
  std::vector<Table> tables{};         ///< the paper's, where asked for
};

}  // namespace cape
