#include "predictor/evaluation/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "predictor/evaluation/baselines.h"
#include "predictor/evaluation/calibration.h"
#include "predictor/models/general_model.h"

namespace cape::predictor {
namespace {

/// The test rows are a part of their own.
Scheme test_scheme(const Inputs& inputs) {
  std::vector<int> parts(inputs.table.rows.size(), kNeverHeldOut);
  for (const RowIndex row : inputs.test_rows) parts[row] = 0;
  return {.name = SchemeName::test,
          .part_of_row = parts,
          .hidden_from = parts,
          .parts = 1,
          .unavailable = {}};
}

std::string describe(const Inputs& inputs, std::string_view features,
                     const ModelSettings& blend) {
  const bool with_perceptrons =
      has_perceptrons(blend, rows_with_more(inputs).size());
  return fmt::format("{} features, trees on a ridge regression{}", features,
                     with_perceptrons ? ", and " + describe_perceptrons(
                                                       blend.perceptrons.size())
                                      : "");
}

std::vector<Regressor> batch_models(const Inputs& inputs,
                                    const ComparisonOptions& options) {
  const FeatureSet paper = features_for(inputs, "paper");
  const FeatureSet extended = features_for(inputs, "extended");
  ModelSettings as_paper = paper_settings(options.seed);
  ModelSettings alone = extended_settings(options.seed);
  as_paper.censored = alone.censored = options.censored;
  ComparisonOptions by_default = options;
  by_default.features = "extended";
  const ModelSettings blend = kept_settings(inputs, by_default);
  std::vector<Regressor> models = {
      {"blend_extended", describe(inputs, "extended", blend),
       fit_model(extended, blend), true},
      {"xgboost_extended", "extended features, trees alone",
       fit_model(extended, alone)},
      {"xgboost_paper", "the paper's features and settings",
       fit_model(paper, as_paper)}};
  if (count_by(inputs.table, inputs.rows, &MetaTable::family).size() > 1) {
    models.push_back({"xgboost_paper_by_family",
                      "the paper's, a model for each family",
                      fit_by_family(fit_model(paper, as_paper))});
  }
  return models;
}

/// Whole trainings are few and of many data sets, so each of their fits is
/// small.
std::vector<Regressor> training_models(const Inputs& inputs,
                                       const ComparisonOptions& options) {
  ModelSettings as_paper = paper_settings(options.seed);
  as_paper.censored = options.censored;
  ComparisonOptions by_default = options;
  by_default.features = "general";
  const ModelSettings blend = kept_settings(inputs, by_default);
  return {{"blend_general", describe(inputs, "general", blend),
           fit_model(features_for(inputs, "general"), blend), true},
          {"xgboost_paper", "the paper's features and settings",
           fit_model(features_for(inputs, "paper"), as_paper)}};
}

/// The models that are fitted; the first is the one that is kept.
std::vector<Regressor> boosted_models(const Inputs& inputs,
                                      const ComparisonOptions& options) {
  std::vector<Regressor> models = inputs.whole_trainings
                                      ? training_models(inputs, options)
                                      : batch_models(inputs, options);
  std::stable_partition(
      models.begin(), models.end(),
      [&](const Regressor& model) { return model.name == kept_name(options); });
  return models;
}

/// The kept model, with the censored rows treated in the other ways, fitted on
/// the scored rows alone.
std::vector<Regressor> censoring_models(const Inputs& inputs,
                                        const ComparisonOptions& options) {
  std::vector<Regressor> models;
  if (count_censored(inputs.table, inputs.rows) == 0) return models;
  const FeatureSet features = features_for(inputs, options.features);
  for (const auto& [censored, what] :
       {std::pair(Censored::cap, "kept at the cap"),
        std::pair(Censored::drop, "left out of the fit"),
        std::pair(Censored::survival, "as open intervals")}) {
    ModelSettings settings = kept_settings(inputs, options);
    settings.censored = censored;
    models.push_back({kept_name(options) + "_censored_" + to_string(censored),
                      std::string("censored rows ") + what,
                      fit_model(features, settings)});
  }
  return models;
}

/// What is fitted in a moment, of any target.
std::vector<Regressor> simple_baselines() {
  return {
      {"constant", "the one number with the best AvgAccuracy", fit_constant()},
      {"family_median", "the median of the network's family",
       fit_family_median()},
      {"linear",
       "linear in log P, log B, log eta, the optimizer, log log(1 / epsilon) "
       "and of whole trainings log N",
       fit_linear_in_settings()}};
}

/// What steps on one batch are compared with.
std::vector<Regressor> batch_baselines() {
  return {
      {"ntkl", "log(1 / epsilon) / tau, clipped", fit_ntkl(true)},
      {"ntkl_unclipped", "log(1 / epsilon) / tau", fit_ntkl(false)},
      {"sl", "scaling law: linear in log P, log B, log eta, log N",
       fit_scaling_law()},
      {"lce", "60 steps of another trial of the same architecture and settings",
       fit_curve_extrapolation(CurveOf::another_trial)},
      {"lce_own_run",
       "60 steps of the row's own run, which mostly holds the answer, where "
       "there is no other trial",
       fit_curve_extrapolation(CurveOf::own_run)},
  };
}

std::string why_nothing(std::string_view model) {
  if (model == "lce") {
    return "no two trials of one architecture and setting have loss curves of "
           "60 steps; train.record_at_least: 60 records them";
  }
  if (model == "lce_own_run") {
    return "every row has another trial to look at, or no row has a loss curve "
           "of 60 steps";
  }
  if (model.ends_with("_censored_drop")) return "no row converged";
  if (model.ends_with("_calibrated")) {
    return "too few trajectories to calibrate on some and score others";
  }
  if (model == "floor") {
    return "no cell has two trajectories of one architecture";
  }
  return "it predicts none of these rows";
}

class Comparer {
 public:
  Comparer(const Inputs& inputs, std::uint64_t seed, Comparison& comparison)
      : inputs_(inputs), seed_(seed), comparison_(comparison) {}

  void evaluate(const Scheme& scheme, const Regressor& model) {
    add(scheme, model.name, model.description,
        cross_validate(
            inputs_.table,
            model.wants_more ? rows_with_more(inputs_) : inputs_.rows, scheme,
            model.fit, seed_));
  }

  /// The floor uses the other trajectories of a cell, in whatever part they
  /// are.
  void evaluate_floor(const Scheme& scheme) {
    const auto steps =
        fit_floor()(inputs_.table, inputs_.rows)(inputs_.table, inputs_.rows);
    std::vector<double> predicted(inputs_.table.rows.size(),
                                  std::numeric_limits<double>::quiet_NaN());
    for (std::size_t i = 0; i < steps.size(); ++i) {
      predicted[inputs_.rows[i]] = steps[i];
    }
    explain_gaps(scheme, "floor", predicted);
    push(scheme, "floor", "the mean of the cell's other trajectories",
         std::move(predicted));
  }

 private:
  void add(const Scheme& scheme, const std::string& name,
           const std::string& description, std::vector<double> predicted) {
    explain_gaps(scheme, name, predicted);
    // The paper calibrates steps on one batch.
    std::vector<double> calibrated;
    if (!inputs_.whole_trainings) {
      calibrated = calibrate(inputs_.table, scheme, predicted, seed_);
    }
    const bool is_scored =
        push(scheme, name, description, std::move(predicted));
    if (is_scored && !calibrated.empty()) {
      push(scheme, name + "_calibrated", description + "; calibrated in epochs",
           std::move(calibrated));
    }
  }

  /// Says why a model that predicts some families does not predict others.
  void explain_gaps(const Scheme& scheme, const std::string& name,
                    const std::vector<double>& predicted) {
    std::map<std::string, bool> is_predicted;
    for (std::size_t i = 0; i < predicted.size(); ++i) {
      if (scheme.part_of_row[i] == kNeverHeldOut) continue;
      is_predicted[inputs_.table.family(inputs_.table.rows[i])] |=
          !std::isnan(predicted[i]);
    }
    if (std::ranges::none_of(is_predicted,
                             [](const auto& one) { return one.second; })) {
      return;  // push() has said why
    }
    for (const auto& [family, is] : is_predicted) {
      if (is) continue;
      comparison_.unavailable.push_back(
          {scheme.name, name,
           fmt::format("{}: {}", family, why_nothing(name))});
    }
  }

  /// Returns false, and says why, where nothing is predicted.
  bool push(const Scheme& scheme, const std::string& name,
            const std::string& description, std::vector<double> predicted) {
    std::vector<MetricGroup> groups =
        group_metrics(inputs_.table, predicted, seed_);
    if (groups.empty()) {
      comparison_.unavailable.push_back({scheme.name, name, why_nothing(name)});
      return false;
    }
    comparison_.evaluations.push_back({scheme.name, name, description,
                                       std::move(predicted),
                                       std::move(groups)});
    return true;
  }

  const Inputs& inputs_;
  std::uint64_t seed_;
  Comparison& comparison_;
};

void choose_schemes(const Inputs& inputs, const ComparisonOptions& options,
                    Comparison& comparison) {
  comparison.schemes.push_back(
      kfold(inputs.table, inputs.rows, options.folds, options.seed));
  for (Scheme& scheme :
       std::vector{leave_one_dataset_out(inputs.table, inputs.rows,
                                         inputs.general_rows),
                   leave_one_architecture_out(inputs.table, inputs.rows,
                                              inputs.general_rows)}) {
    if (scheme.unavailable.empty()) {
      comparison.schemes.push_back(std::move(scheme));
    } else {
      comparison.unavailable.push_back({scheme.name, "", scheme.unavailable});
    }
  }
  if (!inputs.test_rows.empty()) {
    comparison.schemes.push_back(test_scheme(inputs));
  }
}

}  // namespace

const Evaluation* Comparison::find(SchemeName scheme,
                                   std::string_view model) const {
  const auto found =
      std::ranges::find_if(evaluations, [&](const Evaluation& evaluation) {
        return evaluation.scheme == scheme && evaluation.model == model;
      });
  return found == evaluations.end() ? nullptr : &*found;
}

std::string kept_name(const ComparisonOptions& options) {
  return options.features == "paper" ? "xgboost_paper"
                                     : "blend_" + options.features;
}

FeatureSet features_for(const Inputs& inputs, std::string_view set) {
  const FeatureSet features = feature_set(set);
  return varying(features, inputs.table,
                 set == "paper" ? inputs.rows : rows_with_more(inputs));
}

ModelSettings kept_settings(const Inputs& inputs,
                            const ComparisonOptions& options) {
  ModelSettings settings = paper_settings(options.seed);
  if (options.features == "general") {
    settings = training_settings(options.seed);
  } else if (options.features == "extended") {
    settings = extended_settings(options.seed);
    settings.base = Base::by_family;
    // Rows without probes in training mode are of published files, of few data
    // sets each; one that is left out was predicted worse with a perceptron.
    if (std::ranges::any_of(features_for(inputs, "extended").features,
                            is_of_training_mode_steps)) {
      settings.perceptrons = {perceptron_settings(options.seed)};
    }
  }
  settings.censored = options.censored;
  return settings;
}

std::vector<Regressor> general_baselines(const Inputs& inputs,
                                         std::uint64_t seed) {
  std::vector<Regressor> models = simple_baselines();
  if (inputs.whole_trainings) {
    models.push_back(
        {"random_forest", "random forest on all features, 100 trees of depth 8",
         fit_boosted_trees(features_for(inputs, "general"),
                           forest_settings(100, 8, seed), Target::steps)});
    models.push_back(
        {"curve_extrapolation",
         "exponential fitted to the row's own first 5 validation losses; costs "
         "5 epochs of training",
         fit_validation_extrapolation()});
  }
  return models;
}

Comparison compare(const Inputs& inputs, const ComparisonOptions& options) {
  Comparison comparison;
  choose_schemes(inputs, options, comparison);
  Comparer comparer(inputs, options.seed, comparison);
  std::vector<Regressor> models = boosted_models(inputs, options);
  std::ranges::move(
      inputs.whole_trainings ? simple_baselines() : batch_baselines(),
      std::back_inserter(models));
  for (const Scheme& scheme : comparison.schemes) {
    for (const Regressor& model : models) comparer.evaluate(scheme, model);
    if (scheme.name != SchemeName::kfold) continue;
    comparer.evaluate_floor(scheme);
    for (const Regressor& model : censoring_models(inputs, options)) {
      comparer.evaluate(scheme, model);
    }
    if (!options.regressors) continue;
    for (const Regressor& model : paper_regressors(
             features_for(inputs, "paper"), options.seed, Target::log_steps)) {
      comparer.evaluate(
          scheme, {model.name, model.description, fit_by_family(model.fit)});
    }
  }
  return comparison;
}

}  // namespace cape::predictor
