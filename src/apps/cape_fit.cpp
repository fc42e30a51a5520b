// Fits and evaluates the predictor on shards and published CSV files.

#include <CLI/CLI.hpp>

#include "core/error.h"
#include "core/version.h"
#include "predictor/fit.h"

namespace {

int run(int argc, char** argv) {
  cape::FitOptions options;
  CLI::App app{
      "Fits the CAPE predictor on measured trials and evaluates it on\n"
      "trajectories that it was not fitted on."};
  app.set_version_flag("--version", cape::kVersion);
  app.option_defaults()->always_capture_default();
  app.add_option("INPUT", options.inputs,
                 "Shards, folders of shards, published CSV files")
      ->required()
      ->always_capture_default(false);
  app.add_option("--out", options.out, "Model directory");
  app.add_option("--features", options.features, "Feature set")
      ->check(CLI::IsMember({"paper"}));
  app.add_option("--folds", options.folds, "Folds of the cross-validation")
      ->check(CLI::Range(2, 1000));
  app.add_option("--seed", options.seed, "Seed of the folds and of XGBoost");
  app.add_option("--export-csv", options.export_csv,
                 "Also write the merged rows as CSV")
      ->always_capture_default(false);
  app.add_option("--export-shard", options.export_shard,
                 "Also write the merged rows and curves as one shard")
      ->always_capture_default(false);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cape::kExitDone : cape::kExitUsage;
  }
  cape::run_fit(options);
  return cape::kExitDone;
}

}  // namespace

int main(int argc, char** argv) {
  return cape::guarded_main("cape_fit", run, argc, argv);
}
