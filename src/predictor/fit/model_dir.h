/// Writes the directory of a fitted model; docs/predictor.md describes its
/// files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/report/fit_result.h"

namespace cape::predictor {

/// A model directory that is being written beside its place. Readers see all of
/// it or nothing.
class ModelDirectory {
 public:
  /// Throws UserError when `place` cannot become a model directory, because it
  /// is something else or nothing can be created there.
  explicit ModelDirectory(const std::filesystem::path& place);
  /// Removes what was not published.
  ~ModelDirectory();
  ModelDirectory(const ModelDirectory&) = delete;
  ModelDirectory& operator=(const ModelDirectory&) = delete;

  /// Writes into `folder` of it, of whole trainings that of the criterion,
  /// model.json, perceptron.json and general.json where there are such models,
  /// cape.json, metrics.json, tables/*.csv and report.html. Throws StoppedError
  /// when one cannot be written.
  void write(const FitResult& result, const std::filesystem::path& folder = {});

  /// Writes metrics.json and tables/*.csv alone, as where no model is kept.
  /// Throws StoppedError when one cannot be written.
  void write(const std::vector<Table>& tables, std::string_view metrics,
             const std::filesystem::path& folder = {});

  /// Moves it to its place; a model directory that was there is removed.
  void publish();

 private:
  std::filesystem::path place_;
  std::filesystem::path building_;
  std::filesystem::path old_;
};

/// Whether a model of cape_fit is there, of one criterion or of several.
bool holds_model(const std::filesystem::path& place);

/// The contents of metrics.json and of cape.json.
std::string metrics_json(const FitResult& result);
std::string cape_json(const FitResult& result);

}  // namespace cape::predictor
