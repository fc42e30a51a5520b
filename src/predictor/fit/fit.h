/// Everything that cape_fit does: read, evaluate, fit, write, print.
#pragma once

#include "predictor/report/fit_options.h"

namespace cape::predictor {

/// Prints what was read to stderr and the metrics to stdout, and writes the
/// model directory. With export_only it only reads and exports. The published
/// file of whole trainings is evaluated by itself (fit/epochs.h). Throws
/// UserError for input that cannot be fitted, before the model directory is
/// touched.
void run_fit(const FitOptions& options);

}  // namespace cape::predictor
