#include "predictor/evaluation/ablation.h"

#include <fmt/format.h>

#include <utility>

namespace cape::predictor {
namespace {

struct Column {
  const Scheme* scheme;
  std::string group;  ///< of group_metrics()
};

std::vector<Column> columns_of(const Inputs& inputs,
                               const Comparison& comparison) {
  std::vector<Column> columns;
  for (const Scheme& scheme : comparison.schemes) {
    if (scheme.name == SchemeName::test) continue;
    for (const auto& [family, rows] :
         count_by(inputs.table, inputs.rows, &MetaTable::family)) {
      columns.push_back({&scheme, "family=" + family});
    }
  }
  return columns;
}

}  // namespace

Ablation ablation(const Inputs& inputs, const Comparison& comparison,
                  const ComparisonOptions& options) {
  // Of the model that is kept by default, whatever is kept.
  ComparisonOptions by_default = options;
  by_default.features = default_features(inputs);
  const FeatureSet all = features_for(inputs, by_default.features);
  const ModelSettings settings = kept_settings(inputs, by_default);
  const std::vector<Column> columns = columns_of(inputs, comparison);
  const std::vector<RowIndex> rows = rows_with_more(inputs);
  Ablation made = {.model = kept_name(by_default),
                   .unit = std::string(unit_of(inputs)),
                   .columns = {},
                   .lines = {}};
  for (const Column& column : columns) {
    made.columns.push_back(
        fmt::format("{} {}", to_string(column.scheme->name), column.group));
  }
  std::vector<std::string> left_out = all.groups();
  left_out.insert(left_out.begin(), "");
  for (const std::string& group : left_out) {
    Ablation::Line& line = made.lines.emplace_back();
    line.left_out = group;
    const Fit fit = fit_model(all.without(group), settings);
    const Scheme* last = nullptr;
    std::vector<MetricGroup> groups;
    for (const Column& column : columns) {
      if (column.scheme != last) {
        groups =
            group_metrics(inputs.table,
                          cross_validate(inputs.table, rows, *column.scheme,
                                         fit, options.seed),
                          options.seed);
        last = column.scheme;
      }
      line.mae.push_back(mae_of(groups, column.group));
    }
  }
  return made;
}

Table to_table(const Ablation& ablation) {
  Table table = {.name = "ablation",
                 .title = "What each group of features is worth",
                 .notes = {fmt::format(
                     "MAE in {} of {} without the features of one group.",
                     ablation.unit, ablation.model)},
                 .header = {"features"},
                 .rows = {}};
  table.header.insert(table.header.end(), ablation.columns.begin(),
                      ablation.columns.end());
  for (const Ablation::Line& line : ablation.lines) {
    auto& row = table.rows.emplace_back();
    row.push_back(line.left_out.empty() ? "all" : "without " + line.left_out);
    for (const double mae : line.mae) row.push_back(figure(mae));
  }
  return table;
}

}  // namespace cape::predictor
