/// Everything that cape_fit does: read, evaluate, fit, write, print.
#pragma once

#include <filesystem>

#include "predictor/comparison.h"
#include "predictor/inputs.h"

namespace cape {

struct FitOptions {
  InputOptions input;
  ComparisonOptions comparison;
  std::filesystem::path out = "model";
  bool export_only = false;   ///< fit nothing
  double level = 0.9;         ///< share of the rows that intervals cover
  bool ablation = false;      ///< of the extended features
  bool paper_tables = false;  ///< the paper's tables and figure
};

/// Prints what was read to stderr and the metrics to stdout, and writes the
/// model directory. With export_only it only reads and exports. Throws
/// UserError for input that cannot be fitted, before the model directory is
/// touched.
void run_fit(const FitOptions& options);

}  // namespace cape
