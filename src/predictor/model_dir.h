/// The directory that a fitted model is kept in; docs/predictor.md describes
/// its files.
#pragma once

#include <filesystem>
#include <string>

#include "predictor/fit_result.h"

namespace cape {

/// Creates `directory` where it does not exist. Throws UserError when files
/// cannot be created in it.
void prepare_model_dir(const std::filesystem::path& directory);

/// Writes model.json, cape.json, metrics.json, tables/metrics.csv,
/// tables/predictions.csv and report.html, each published whole; model.json and
/// cape.json come last. Throws StoppedError when one cannot be written.
void write_model_dir(const std::filesystem::path& directory,
                     const FitResult& result);

/// The content of each file.
std::string metrics_json(const FitResult& result);
std::string metrics_csv(const FitResult& result);
std::string predictions_csv(const FitResult& result);
std::string cape_json(const FitResult& result);

}  // namespace cape
