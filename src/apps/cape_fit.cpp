// Fits and evaluates the predictor on shards and published CSV files.

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "apps/enum_option.h"
#include "apps/path_option.h"
#include "core/error.h"
#include "core/version.h"
#include "predictor/fit/fit.h"

namespace {

int run(int argc, char** argv) {
  cape::predictor::FitOptions options;
  CLI::App app{
      "Fits the CAPE predictor on measured trials and evaluates it on\n"
      "trajectories that it was not fitted on.",
      "cape_fit"};
  app.set_version_flag(
      "--version",
      fmt::format("cape_fit {} ({})", cape::kVersion, cape::kGitCommit));
  app.option_defaults()->always_capture_default();
  cape::as_path(
      app.add_option(
          "INPUT", options.input.inputs,
          "Shards, folders of shards, published CSV files, patterns; or "
          "the published file of whole trainings alone"))
      ->required()
      ->always_capture_default(false);
  cape::as_path(app.add_option("--out", options.out, "Model directory"));
  app.add_option("--features", options.comparison.features,
                 "Features of the model that is kept: paper or extended; of "
                 "whole trainings paper or general, which is then the default")
      ->check(CLI::IsMember({"paper", "extended", "general"}));
  app.add_option("--folds", options.comparison.folds,
                 "Folds of the cross-validation")
      ->check(CLI::Range(2, 1000));
  app.add_option("--seed", options.comparison.seed,
                 "Seed of the folds and of the models");
  app.add_option(
         "--where", options.input.where,
         "Only rows with this value of a column, e.g. max_steps=5000, or "
         "without it, e.g. dataset!=mnist; given several times: rows "
         "that match all")
      ->type_name("COLUMN=VALUE")
      ->take_all()
      ->allow_extra_args(false)
      ->always_capture_default(false);
  cape::as_path(app.add_option("--test", options.input.test,
                               "Files to score a model of all INPUT on"))
      ->always_capture_default(false);
  cape::as_path(
      app.add_option(
          "--general", options.input.general,
          "More files to fit on, of networks and data that INPUT has not; "
          "they are never scored"))
      ->always_capture_default(false);
  cape::as_path(
      app.add_option(
          "--sources", options.input.sources,
          "Table whose columns name and source say which data sets are "
          "left out together"))
      ->always_capture_default(false);
  cape::add_enum_option<cape::predictor::Censored>(
      app, "--censored", options.comparison.censored,
      "Rows that did not converge: cap (as in the paper), drop (the default "
      "for whole trainings) or survival")
      ->default_str(cape::to_string(options.comparison.censored));
  app.add_option("--interval", options.level,
                 "Share of the trials that intervals cover")
      ->check(CLI::Range(0.5, 0.99));
  app.add_flag(
      "--regressors", options.comparison.regressors,
      "Also evaluate random forest, perceptron, SVR and linear models");
  app.add_flag("--ablation", options.ablation,
               "Also measure what each group of features is worth");
  app.add_flag("--paper-tables", options.paper_tables,
               "Also make the paper's tables and figure, beside its figures");
  cape::as_path(app.add_option("--export-csv", options.input.export_csv,
                               "Also write the merged rows as CSV"))
      ->always_capture_default(false);
  cape::as_path(
      app.add_option("--export-shard", options.input.export_shard,
                     "Also write the merged rows and curves as one shard"))
      ->always_capture_default(false);
  app.add_flag("--export-only", options.export_only,
               "Only export, and fit nothing");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cape::kExitDone : cape::kExitUsage;
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0 && !option->get_positional()) {
      options.given.push_back(option->get_name());
    }
  }
  cape::predictor::run_fit(options);
  return cape::kExitDone;
}

}  // namespace

int main(int argc, char** argv) {
  return cape::guarded_main("cape_fit", run, argc, argv);
}
