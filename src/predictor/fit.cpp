#include "predictor/fit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/units.h"
#include "predictor/fit_result.h"
#include "predictor/folds.h"
#include "predictor/model_dir.h"
#include "predictor/summary.h"
#include "shard/compact.h"
#include "shard/csv.h"

namespace cape {
namespace {

struct Loaded {
  MetaTable table;
  std::int64_t unusable = 0;
  std::vector<InputSummary> files;
  std::vector<std::string> warnings;
};

/// Takes out the rows that no model can be fitted on; returns their number.
std::int64_t drop_unusable(MetaTable& table, const FeatureSet& features) {
  const std::size_t total = table.rows.size();
  const std::size_t dropped = std::erase_if(
      table.rows,
      [&](const MetaRow& row) { return !is_usable(row, features); });
  if (dropped == total) {
    fail_user(
        "none of the {} rows can be fitted on: each has a feature that is not "
        "finite or a t_star below 1; what they hold shows with --export-csv",
        total);
  }
  return static_cast<std::int64_t>(dropped);
}

/// Reads, tells what was read, and exports. The merged table, which holds all
/// columns, is gone before anything is fitted.
Loaded load(const FitOptions& options, const FeatureSet& features) {
  const shard::MergedTable merged(options.inputs);
  Loaded loaded = {.table = meta_table(merged),
                   .unusable = 0,
                   .files = summarise(merged),
                   .warnings = warnings_of(merged.report())};
  print_inputs(loaded.files);
  if (!options.export_csv.empty()) {
    shard::export_csv(merged, options.export_csv);
  }
  if (!options.export_shard.empty()) {
    shard::export_shard(merged, options.export_shard);
  }
  loaded.unusable = drop_unusable(loaded.table, features);
  if (loaded.unusable > 0) {
    loaded.warnings.push_back(fmt::format(
        "{} rows were left out: a feature is not finite or t_star is below 1",
        format_count(loaded.unusable)));
  }
  print_warnings(loaded.warnings);
  return loaded;
}

/// Whether every family has trajectories in two folds or more, so that a model
/// of it alone can be fitted whichever fold is held out.
bool families_span_folds(const MetaTable& table,
                         const std::vector<int>& fold_of_row) {
  std::map<std::uint32_t, std::set<int>> folds;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    folds[table.rows[i].family].insert(fold_of_row[i]);
  }
  return std::ranges::all_of(
      folds, [](const auto& family) { return family.second.size() > 1; });
}

Evaluation evaluate_kfold(const FitResult& result, const Fit& fit,
                          std::string model, std::string description) {
  Evaluation evaluation{
      .scheme = "kfold",
      .model = std::move(model),
      .description = std::move(description),
      .predicted =
          cross_validate(result.table, result.fold_of_row, result.folds, fit),
      .groups = {}};
  evaluation.groups = group_metrics(result.table, evaluation.predicted);
  return evaluation;
}

/// The kind of model.json and, with several families, a model for each of them:
/// the paper's figures are of the latter.
std::vector<Evaluation> evaluate(const FitResult& result) {
  const std::string name =
      fmt::format("xgboost_{}", result.model.features.name);
  const Fit fit = fit_xgboost(result.model.features, result.settings);
  std::vector<Evaluation> evaluations;
  evaluations.push_back(
      evaluate_kfold(result, fit, name, "one model for all rows"));
  if (count_by(result.table, &MetaTable::family).size() > 1 &&
      families_span_folds(result.table, result.fold_of_row)) {
    evaluations.push_back(evaluate_kfold(result, fit_by_family(fit),
                                         name + "_by_family",
                                         "one model for each family"));
  }
  return evaluations;
}

}  // namespace

void run_fit(const FitOptions& options) {
  const FeatureSet& features = feature_set(options.features);
  Loaded loaded = load(options, features);
  std::vector<int> folds =
      assign_folds(loaded.table, options.folds, options.seed);
  prepare_model_dir(options.out);

  const BoosterSettings settings{.seed = options.seed};
  auto model = XgboostModel::fit(loaded.table, all_rows(loaded.table), features,
                                 settings);
  FitResult result = {.inputs = std::move(loaded.files),
                      .warnings = std::move(loaded.warnings),
                      .table = std::move(loaded.table),
                      .unusable = loaded.unusable,
                      .folds = options.folds,
                      .seed = options.seed,
                      .fold_of_row = std::move(folds),
                      .settings = settings,
                      .model = std::move(model),
                      .evaluations = {}};
  result.evaluations = evaluate(result);
  write_model_dir(options.out, result);
  print_result(result, options.out);
}

}  // namespace cape
