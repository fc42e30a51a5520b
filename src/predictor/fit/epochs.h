/// The run of cape_fit on the published file of whole trainings.
#pragma once

#include <filesystem>
#include <optional>

#include "predictor/report/fit_options.h"

namespace cape::predictor {

/// The published file of whole trainings, if the options name it. Throws
/// UserError if they name other inputs beside it, or options that have no
/// meaning for it.
std::optional<std::filesystem::path> find_published_epochs(
    const FitOptions& options);

/// Reads the file, evaluates, writes metrics.json and tables/epochs.csv, and
/// prints. Throws UserError for a file that cannot be evaluated on, before
/// anything is written.
void run_epochs(const FitOptions& options, const std::filesystem::path& file);

}  // namespace cape::predictor
