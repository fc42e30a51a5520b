/// What cape_fit says about the epochs of whole trainings, beside the figures
/// that the authors of CAPE published.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "predictor/evaluation/epochs.h"
#include "predictor/evaluation/table.h"

namespace cape::predictor {

/// tables/epochs.csv: a line for each scheme and regressor.
Table epochs_table(const std::vector<EpochEvaluation>& evaluations);

/// The contents of metrics.json.
std::string epochs_json(const std::vector<EpochEvaluation>& evaluations);

/// Prints the same to stdout, in epochs; `out` is where it was written.
void print_epochs(const std::vector<EpochEvaluation>& evaluations,
                  const std::filesystem::path& out);

}  // namespace cape::predictor
