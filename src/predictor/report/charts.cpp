#include "predictor/report/charts.h"

#include "predictor/report/chart_sections.h"

namespace cape::predictor {

std::string_view title_of(std::string_view column) {
  if (column == "dataset") return "data set";
  if (column == "learning_rate") return "learning rate";
  if (column == "batch_size") return "batch size B";
  if (column == "samples_from") return "samples N, from";
  return column;
}

Colouring colouring(const FitResult& result) {
  const MetaTable& table = result.inputs.table;
  Colouring made = {"family", {}, &MetaTable::family};
  auto counts = count_by(table, result.inputs.rows, made.name);
  if (counts.size() == 1) {
    made = {"data set", {}, &MetaTable::dataset};
    counts = count_by(table, result.inputs.rows, made.name);
  }
  for (const auto& [name, count] : counts) made.names.push_back(name);
  return made;
}

std::vector<ChartSection> chart_sections(const FitResult& result) {
  std::vector<ChartSection> sections;
  for (const auto make :
       {prediction_section, error_section, model_section, ablation_section,
        residual_section, coverage_section, curve_section, validation_section,
        grid_section, timing_section}) {
    ChartSection section = make(result);
    if (section.charts.empty() && section.note.empty()) continue;
    sections.push_back(std::move(section));
  }
  return sections;
}

}  // namespace cape::predictor
