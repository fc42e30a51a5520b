/// All that cape_fit does: read, evaluate, fit, write, print.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace cape {

struct FitOptions {
  std::vector<std::filesystem::path> inputs;
  std::filesystem::path out = "model";
  std::string features = "paper";
  int folds = 3;
  std::uint64_t seed = 42;
  std::filesystem::path export_csv;    ///< empty: none
  std::filesystem::path export_shard;  ///< empty: none
};

/// Prints what was read to stderr, the metrics to stdout, and writes the model
/// directory. Throws UserError for input that cannot be fitted, before the
/// model directory is touched.
void run_fit(const FitOptions& options);

}  // namespace cape
