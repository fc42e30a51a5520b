/// What a run of cape_fit is asked to do.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "predictor/data/inputs.h"
#include "predictor/evaluation/comparison.h"

namespace cape::predictor {

struct FitOptions {
  InputOptions input;
  ComparisonOptions comparison;
  std::filesystem::path out = "model";
  /// The options that the command line names, such as "--seed".
  std::vector<std::string> given;
  bool export_only = false;   ///< fit nothing
  double level = 0.9;         ///< share of the rows that intervals cover
  bool ablation = false;      ///< of the extended features
  bool paper_tables = false;  ///< the paper's tables and figure
};

}  // namespace cape::predictor
