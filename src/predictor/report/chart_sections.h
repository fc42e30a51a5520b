/// The sections of charts.h, one function for each. If a result has nothing to
/// show in a section, the section has neither charts nor a note.
#pragma once

#include "predictor/report/charts.h"

namespace cape::predictor {

ChartSection prediction_section(const FitResult& result);
ChartSection residual_section(const FitResult& result);
ChartSection error_section(const FitResult& result);
ChartSection model_section(const FitResult& result);
ChartSection ablation_section(const FitResult& result);
ChartSection coverage_section(const FitResult& result);
ChartSection curve_section(const FitResult& result);
ChartSection validation_section(const FitResult& result);
ChartSection grid_section(const FitResult& result);
ChartSection timing_section(const FitResult& result);

/// What the colours of points mean: families, or the data sets of a single
/// family.
struct Colouring {
  std::string legend;              ///< "family" or "data set"
  std::vector<std::string> names;  ///< by colour
  NameOfRow name;
};
Colouring colouring(const FitResult& result);

}  // namespace cape::predictor
