/// A fit of made-up rows, as a model directory is written from.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "predictor/data/folds.h"
#include "predictor/report/fit_result.h"
#include "predictor/rows.h"

namespace cape::predictor {

inline FitResult result_of(MetaTable table,
                           const std::string& features = "paper") {
  FitResult result = {
      .options = {},
      .inputs = {},
      .left_out = {"log_n"},
      .comparison = {},
      .predictor = {
          .model = Model::fit(
              table, all_rows(table), feature_set(features),
              {.booster = {},
               .base = features == "paper" ? Base::none : Base::by_family,
               .perceptrons = {perceptron_settings(42)}}),
          .level = 0.9,
          .offsets = {{SchemeName::kfold,
                       {{-0.75, 0.5}, {{"mlp", {-0.5, 0.25}}}}},
                      {SchemeName::leave_one_dataset_out,
                       {{-1.5, 1.5}, {{"mlp", {-1, 1}}}}}},
          .datasets =
              count_in_family(table, all_rows(table), &MetaTable::dataset),
          .architectures =
              count_in_family(table, all_rows(table), &MetaTable::architecture),
          .optimizers =
              count_in_family(table, all_rows(table), &MetaTable::optimizer),
          .settings = table.settings(table.rows.front())}};
  result.options.comparison.features = features;
  result.inputs.rows = all_rows(table);
  result.inputs.table = std::move(table);
  result.inputs.files = {{"a<b>.h5", 80, 0, {"cnn", "mlp"}, {"mnist"}}};
  result.inputs.warnings = {"left alone: c&d.h5"};
  const MetaTable& rows = result.inputs.table;
  std::vector<double> predicted =
      result.predictor.model.predict_steps(rows, result.inputs.rows);
  std::vector<MetricGroup> groups = group_metrics(rows, predicted, 42);
  result.comparison.schemes = {kfold(rows, result.inputs.rows, 2, 42)};
  result.comparison.evaluations = {
      {SchemeName::kfold, kept_name(result.options.comparison), "the model",
       std::move(predicted), std::move(groups)}};
  return result;
}

}  // namespace cape::predictor
