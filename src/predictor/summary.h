/// What cape_fit says on the terminal.
#pragma once

#include <string>
#include <vector>

#include "predictor/fit_result.h"

namespace cape {

/// A line a file, to stderr.
void print_inputs(const std::vector<InputSummary>& files);

/// A line a warning, to stderr.
void print_warnings(const std::vector<std::string>& warnings);

/// The metrics as tables, and where the files of the model are, to stdout; then
/// the warnings once more, since the first have scrolled by.
void print_result(const FitResult& result);

}  // namespace cape
