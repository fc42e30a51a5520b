#include "predictor/fit/fit.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "predictor/evaluation/ablation.h"
#include "predictor/evaluation/general.h"
#include "predictor/evaluation/unseen.h"
#include "predictor/fit/epochs.h"
#include "predictor/fit/model_dir.h"
#include "predictor/report/fit_result.h"
#include "predictor/report/paper_tables.h"
#include "predictor/report/summary.h"

namespace cape::predictor {
namespace {

/// A fit of many rows takes minutes.
void say(const Inputs& inputs, std::string_view what) {
  fmt::print(
      stderr, "fitting {}{}\n", what,
      inputs.whole_trainings ? fmt::format(" ({})", inputs.criterion) : "");
}

/// The names of the set's features that are missing or the same in all rows.
std::vector<std::string> left_out(const Inputs& inputs,
                                  const std::string& set) {
  std::vector<std::string> names = feature_set(set).names();
  for (const std::string& kept : features_for(inputs, set).names()) {
    std::erase(names, kept);
  }
  return names;
}

void check_features(const FitOptions& options,
                    const std::vector<std::string>& constant, Inputs& inputs) {
  const FeatureSet paper = features_for(inputs, "paper");
  if (paper.features.empty()) {
    fail_user(
        "all {} rows have the same features ({}): there is nothing to learn "
        "from them; give rows of other settings or networks",
        inputs.rows.size(), fmt::join(feature_set("paper").names(), ", "));
  }
  std::vector<std::string> named;
  for (const std::string& name : feature_set("paper").names()) {
    if (std::ranges::find(constant, name) != constant.end()) {
      named.push_back(name);
    }
  }
  if (!named.empty()) {
    inputs.warnings.push_back(
        fmt::format("the same in all rows, so of no use to {}: {}",
                    kept_name(options.comparison), fmt::join(named, ", ")));
  }
}

Sides sides_of(const Scheme& scheme) {
  return scheme.name == SchemeName::kfold ? Sides::known : Sides::unknown;
}

/// Intervals of all rows, from the schemes that leave something out.
Predictor make_predictor(const FitOptions& options, const Inputs& inputs,
                         const Comparison& comparison) {
  // What is known is what was scored: of other rows it is not known how good
  // the model is.
  const std::vector<RowIndex> scored =
      rows_to_fit(inputs.table, inputs.rows, options.comparison.censored);
  Predictor made = {
      .model = Model::fit(inputs.table, rows_with_more(inputs),
                          features_for(inputs, options.comparison.features),
                          kept_settings(inputs, options.comparison)),
      .level = options.level,
      .offsets = {},
      .datasets = count_in_family(inputs.table, scored, &MetaTable::dataset),
      .architectures =
          count_in_family(inputs.table, scored, &MetaTable::architecture),
      .optimizers =
          count_in_family(inputs.table, scored, &MetaTable::optimizer),
      .settings = inputs.settings};
  for (const Scheme& scheme : comparison.schemes) {
    if (scheme.name == SchemeName::test) continue;
    made.offsets[scheme.name] = conformal_offsets(
        inputs.table, inputs.rows,
        comparison.find(scheme.name, kept_name(options.comparison))->predicted,
        options.level, sides_of(scheme));
  }
  return made;
}

/// Coverage of test rows by the intervals that the predictor gives them.
std::vector<SchemeCoverage> find_coverage(const FitOptions& options,
                                          const Inputs& inputs,
                                          const Comparison& comparison,
                                          const Predictor& predictor) {
  std::vector<SchemeCoverage> all;
  for (const Scheme& scheme : comparison.schemes) {
    const std::vector<double>& predicted =
        comparison.find(scheme.name, kept_name(options.comparison))->predicted;
    all.push_back({scheme.name,
                   scheme.name == SchemeName::test
                       ? measure_coverage(inputs.table, inputs.test_rows,
                                          predictor.intervals(inputs.table,
                                                              inputs.test_rows))
                       : measure_coverage(inputs.table, scheme, predicted,
                                          options.level, sides_of(scheme))});
  }
  return all;
}

/// All rows that a model of no names may learn from.
std::vector<RowIndex> general_rows(const Inputs& inputs) {
  std::vector<RowIndex> rows = inputs.rows;
  std::ranges::copy(inputs.general_rows, std::back_inserter(rows));
  std::erase_if(rows, [&](RowIndex row) {
    return !has_general_features(inputs.table.rows[row]);
  });
  return rows;
}

/// The rows whose T* is above `steps` and whose losses up to that step are
/// known.
std::vector<RowIndex> rows_beyond(std::size_t steps, const MetaTable& table,
                                  const std::vector<RowIndex>& rows) {
  std::vector<RowIndex> beyond;
  std::ranges::copy_if(rows, std::back_inserter(beyond), [&](RowIndex i) {
    const MetaRow& row = table.rows[i];
    return has_first_losses(row, steps) &&
           row.t_star > static_cast<std::int32_t>(steps);
  });
  return beyond;
}

void export_only(const InputOptions& options) {
  if (options.export_csv.empty() && options.export_shard.empty()) {
    fail_user("--export-only needs --export-csv or --export-shard");
  }
  const Inputs inputs = export_inputs(options);
  print_inputs(inputs.files);
  print_warnings(inputs.warnings);
}

/// The models without names, and what they are compared with where their rows
/// are left out.
void add_general(const FitOptions& options, const Inputs& inputs,
                 FitResult& result) {
  const std::uint64_t seed = options.comparison.seed;
  const std::vector<RowIndex> all = general_rows(inputs);
  const auto fit = [&](std::string_view features,
                       const std::vector<RowIndex>& rows,
                       const ModelSettings& of_batch_steps) {
    return fit_general(
        inputs.table, rows, feature_set(features), inputs.sources,
        options.level,
        inputs.whole_trainings ? training_settings(seed) : of_batch_steps);
  };
  say(inputs, "the general model");
  auto general = fit("general", all, general_settings(seed));
  if (!general) return;
  result.unseen =
      compare_unseen(inputs.table, all, inputs.sources, general->predicted,
                     general_baselines(inputs, seed), seed);
  result.predictor.general = std::move(general->model);
  for (const std::size_t steps :
       first_steps_of(result.predictor.setting("target"))) {
    const std::vector<RowIndex> beyond = rows_beyond(steps, inputs.table, all);
    if (beyond.empty()) continue;
    say(inputs, fmt::format("the model of {} steps", steps));
    auto after =
        fit(first_steps_features(steps), beyond, first_steps_settings(seed));
    if (!after) continue;
    std::map<Novelty, StepErrors> without;
    for (const auto& [novelty, predicted] : general->predicted) {
      without[novelty] = step_errors(inputs.table, beyond, predicted);
    }
    result.first_steps.emplace(
        steps, FirstStepsFit{std::move(after->model), std::move(without)});
  }
}

/// The options, with those that nobody named as the target wants them. Few
/// whole trainings are alike enough for the features that know networks by
/// name.
FitOptions for_target(FitOptions options, const Inputs& inputs) {
  const auto is_given = [&](std::string_view name) {
    return std::ranges::find(options.given, name) != options.given.end();
  };
  if (inputs.whole_trainings && options.paper_tables) {
    fail_user(
        "--paper-tables is of steps on one batch, as the paper's tables are; "
        "leave it out for whole trainings");
  }
  if (inputs.whole_trainings && options.comparison.regressors) {
    fail_user(
        "--regressors are those of the paper for steps on one batch; leave it "
        "out for whole trainings");
  }
  std::string& features = options.comparison.features;
  const std::string by_default = default_features(inputs);
  if (inputs.whole_trainings && !is_given("--features")) features = by_default;
  if (inputs.whole_trainings && !is_given("--censored")) {
    options.comparison.censored = Censored::drop;
  }
  if (features != "paper" && features != by_default) {
    fail_user("--features {} is not for rows of {}; take paper or {}", features,
              inputs.whole_trainings ? "whole trainings" : "steps on one batch",
              by_default);
  }
  return options;
}

/// Leaves the rows of whole trainings that did not converge to the model
/// without names, which learns from them how likely it is to converge: a cap is
/// no count that anything could be scored by.
void set_censored_aside(const FitOptions& options, Inputs& inputs) {
  if (!inputs.whole_trainings ||
      options.comparison.censored != Censored::drop) {
    return;
  }
  const auto is_censored = [&](RowIndex row) {
    return !inputs.table.rows[row].converged;
  };
  std::ranges::copy_if(inputs.rows, std::back_inserter(inputs.general_rows),
                       is_censored);
  std::erase_if(inputs.rows, is_censored);
  if (inputs.rows.empty())
    fail_user("no row converged; fit with --censored cap");
}

/// Evaluates and fits what is of one criterion.
FitResult fit_one(const FitOptions& options, Inputs inputs) {
  set_censored_aside(options, inputs);
  std::vector<std::string> constant =
      left_out(inputs, options.comparison.features);
  check_features(options, constant, inputs);
  say(inputs, "the first model, and what it is compared with");
  Comparison comparison = compare(inputs, options.comparison);
  Predictor predictor = make_predictor(options, inputs, comparison);
  FitResult result = {.options = options,
                      .inputs = std::move(inputs),
                      .left_out = std::move(constant),
                      .comparison = std::move(comparison),
                      .predictor = std::move(predictor),
                      .coverage = {}};
  add_general(options, result.inputs, result);
  result.coverage = find_coverage(options, result.inputs, result.comparison,
                                  result.predictor);
  if (options.ablation) {
    result.ablation =
        ablation(result.inputs, result.comparison, options.comparison);
  }
  if (options.paper_tables) {
    result.tables =
        paper_tables(result.inputs, result.comparison, options.comparison.seed);
  }
  return result;
}

}  // namespace

void run_fit(const FitOptions& options) {
  if (const auto file = find_published_epochs(options)) {
    return run_epochs(options, *file);
  }
  if (options.export_only) return export_only(options.input);
  std::vector<Inputs> all = read_inputs(options.input);
  print_inputs(all.front().files);
  ModelDirectory directory(options.out);
  std::vector<FitResult> results;
  for (Inputs& inputs : all) {
    print_warnings(inputs.warnings);
    FitOptions of_criterion = for_target(options, inputs);
    std::filesystem::path folder;
    if (all.size() > 1) {
      folder = inputs.criterion;
      of_criterion.out /= folder;
    }
    results.push_back(fit_one(of_criterion, std::move(inputs)));
    directory.write(results.back(), folder);
  }
  directory.publish();
  for (const FitResult& result : results) print_result(result);
}

}  // namespace cape::predictor
