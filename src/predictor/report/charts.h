/// The report's charts, each a Vega specification that the page draws. The
/// style sheet defines the colours, so that they follow the light and the dark
/// theme.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/report/fit_result.h"

namespace cape::predictor {

inline constexpr std::size_t kChartColours = 8;

struct Chart {
  std::string id;                   ///< of the element it is drawn in
  std::string title;                ///< may be empty
  std::string legend;               ///< what the colours mean; empty: no legend
  std::vector<std::string> series;  ///< by colour
  nlohmann::json spec;              ///< its data named "rows" is rows_json()
};

/// Charts under one heading.
struct ChartSection {
  std::string title;
  std::string note;  ///< what is drawn, or why nothing is
  std::vector<Chart> charts;
  bool wide = true;  ///< charts take the page's width
};

/// What the report calls a column of the rows, within a sentence.
std::string_view title_of(std::string_view column);

/// The sections in which this result has something to show.
std::vector<ChartSection> chart_sections(const FitResult& result);

/// At most 4,000 of the rows, evenly spaced: {"columns": {name: values},
/// "names": {name: texts}}. A column that has texts contains their indices.
nlohmann::json rows_json(const FitResult& result);

}  // namespace cape::predictor
