/// What cape_fit prints on the terminal.
#pragma once

#include <string>
#include <vector>

#include "predictor/report/fit_result.h"

namespace cape::predictor {

/// Prints a line for each file to stderr.
void print_inputs(const std::vector<InputSummary>& files);

/// Prints a line for each warning to stderr.
void print_warnings(const std::vector<std::string>& warnings);

/// Prints the metrics as tables, and where the files of the model are, to
/// stdout. Then prints the warnings again, since the first ones are no longer
/// on the screen.
void print_result(const FitResult& result);

}  // namespace cape::predictor
