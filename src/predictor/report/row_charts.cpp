// Charts of single rows: predicted against measured, and residuals.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/units.h"
#include "predictor/report/chart_sections.h"
#include "predictor/report/vega.h"

namespace cape::predictor {
namespace {

using vega::Json;

/// More points than this only make the page larger.
constexpr std::size_t kMostPoints = 4000;

std::size_t stride_of(const FitResult& result) {
  return (result.inputs.rows.size() + kMostPoints - 1) / kMostPoints;
}

const std::vector<double>& predictions(const FitResult& result) {
  return result.comparison.evaluations.front().predicted;
}

double greatest_steps(const FitResult& result) {
  double greatest = 10;
  for (const RowIndex row : result.inputs.rows) {
    greatest = std::max({greatest, predictions(result)[row],
                         double(result.inputs.table.rows[row].t_star)});
  }
  return greatest * 1.1;
}

constexpr char kScatter[] = R"json({
  "height": 400,
  "data": [{"name": "rows"}, {"name": "ideal"}],
  "scales": [
    {"name": "x", "type": "log", "range": "width"},
    {"name": "y", "type": "log", "range": "height"}
  ],
  "axes": [
    {"scale": "x", "orient": "bottom", "grid": true,
     "title": "measured"},
    {"scale": "y", "orient": "left", "grid": true,
     "title": "predicted"}
  ],
  "marks": [
    {"type": "area", "from": {"data": "ideal"}, "clip": true, "encode": {
      "enter": {"fill": {"value": "var(--soft)"},
                "fillOpacity": {"value": 0.1}},
      "update": {"x": {"scale": "x", "field": "steps"},
                 "y": {"scale": "y", "signal": "datum.steps / 2"},
                 "y2": {"scale": "y", "signal": "datum.steps * 2"}}}},
    {"type": "line", "from": {"data": "ideal"}, "encode": {
      "enter": {"stroke": {"value": "var(--soft)"},
                "strokeDash": {"value": [5, 4]}},
      "update": {"x": {"scale": "x", "field": "steps"},
                 "y": {"scale": "y", "field": "steps"}}}},
    {"type": "symbol", "from": {"data": "rows"}, "encode": {
      "enter": {"fill": {"scale": "colour", "field": "colour"},
                "tooltip": {"signal": "datum.tip"}},
      "update": {"x": {"scale": "x", "field": "measured"},
                 "y": {"scale": "y", "field": "predicted"},
                 "size": {"value": 18}, "fillOpacity": {"value": 0.5},
                 "stroke": {"value": null}},
      "hover": {"size": {"value": 90}, "fillOpacity": {"value": 1},
                "stroke": {"value": "var(--ink)"}}}}
  ]
})json";

constexpr char kResiduals[] = R"json({
  "height": 260,
  "data": [{"name": "rows", "transform": [{"type": "formula", "as": "ratio",
            "expr": "clamp(datum.predicted / datum.measured, 0.125, 8)"}]}],
  "scales": [
    {"name": "x", "type": "log", "range": "width"},
    {"name": "y", "type": "log", "range": "height", "domain": [0.125, 8]}
  ],
  "axes": [
    {"scale": "x", "orient": "bottom", "grid": true,
     "title": "predicted"},
    {"scale": "y", "orient": "left", "grid": true,
     "title": "predicted / measured", "values": [0.125, 0.25, 0.5, 1, 2, 4, 8],
     "format": "~g"}
  ],
  "marks": [
    {"type": "rule", "encode": {
      "enter": {"stroke": {"value": "var(--soft)"},
                "strokeDash": {"value": [5, 4]}},
      "update": {"x": {"value": 0}, "x2": {"signal": "width"},
                 "y": {"scale": "y", "value": 1}}}},
    {"type": "symbol", "from": {"data": "rows"}, "encode": {
      "enter": {"fill": {"scale": "colour", "field": "colour"},
                "tooltip": {"signal": "datum.tip"}},
      "update": {"x": {"scale": "x", "field": "predicted"},
                 "y": {"scale": "y", "field": "ratio"},
                 "size": {"value": 18}, "fillOpacity": {"value": 0.5},
                 "stroke": {"value": null}},
      "hover": {"size": {"value": 90}, "fillOpacity": {"value": 1},
                "stroke": {"value": "var(--ink)"}}}}
  ]
})json";

constexpr char kHistogram[] = R"json({
  "height": 220,
  "data": [{"name": "bins", "transform": [
    {"type": "stack", "groupby": ["from"], "field": "rows",
     "sort": {"field": "series"}}]}],
  "scales": [
    {"name": "x", "type": "log", "range": "width", "domain": [0.25, 4]},
    {"name": "y", "range": "height", "nice": true, "zero": true,
     "domain": {"data": "bins", "field": "y1"}}
  ],
  "axes": [
    {"scale": "x", "orient": "bottom", "title": "predicted / measured",
     "values": [0.25, 0.5, 0.7, 1, 1.4, 2, 4], "format": "~g"},
    {"scale": "y", "orient": "left", "grid": true, "title": "rows",
     "tickCount": 5, "format": "~s"}
  ],
  "marks": [
    {"type": "rect", "from": {"data": "bins"}, "encode": {
      "enter": {"fill": {"scale": "colour", "field": "series"},
                "tooltip": {"signal": "datum.tip"}},
      "update": {"x": {"scale": "x", "field": "from", "offset": 0.5},
                 "x2": {"scale": "x", "field": "to", "offset": -0.5},
                 "y": {"scale": "y", "field": "y0"},
                 "y2": {"scale": "y", "field": "y1"},
                 "fillOpacity": {"value": 0.85}},
      "hover": {"fillOpacity": {"value": 1}}}}
  ]
})json";

/// "measured" becomes "measured T* (steps)" or "measured best epoch".
void add_unit(const FitResult& result, Json& axis) {
  const bool epochs = counts_epochs(result.inputs);
  axis["title"] = axis["title"].get<std::string>() +
                  (epochs ? " best epoch" : " T* (steps)");
}

Json scatter(const FitResult& result, const Colouring& colours) {
  Json spec = Json::parse(kScatter);
  const double end = greatest_steps(result);
  Json ideal = Json::array();
  const int doublings = static_cast<int>(std::ceil(std::log2(end)));
  for (int i = 0; i <= doublings; ++i) {
    ideal.push_back({{"steps", std::min(std::exp2(i), end)}});
  }
  spec["data"][1]["values"] = ideal;
  for (const int axis : {0, 1}) {
    spec["scales"][axis]["domain"] = {1, end};
    spec["axes"][axis]["values"] = vega::ticks(1, end);
  }
  for (Json& axis : spec["axes"]) add_unit(result, axis);
  spec["scales"].push_back(vega::colour_scale(colours.names));
  return spec;
}

Json residuals(const FitResult& result, const Colouring& colours) {
  Json spec = Json::parse(kResiduals);
  const double end = greatest_steps(result);
  spec["scales"][0]["domain"] = {1, end};
  spec["axes"][0]["values"] = vega::ticks(1, end);
  add_unit(result, spec["axes"][0]);
  spec["scales"].push_back(vega::colour_scale(colours.names));
  return spec;
}

/// Counts of all rows by log2(predicted / measured). The outermost bins also
/// hold the values beyond them.
Json histogram(const FitResult& result, const Colouring& colours) {
  constexpr int kBinsOfTwo = 10;  // to a factor of two
  const MetaTable& table = result.inputs.table;
  std::map<std::pair<int, std::string>, std::int64_t> bins;
  for (const RowIndex index : result.inputs.rows) {
    const MetaRow& row = table.rows[index];
    const double ratio = predictions(result)[index] / row.t_star;
    const int bin =
        std::clamp(static_cast<int>(std::floor(std::log2(ratio) * kBinsOfTwo)),
                   -2 * kBinsOfTwo, 2 * kBinsOfTwo - 1);
    ++bins[{bin, (table.*colours.name)(row)}];
  }
  Json values = Json::array();
  for (const auto& [key, rows] : bins) {
    const double from = std::exp2(double(key.first) / kBinsOfTwo);
    const double to = std::exp2(double(key.first + 1) / kBinsOfTwo);
    values.push_back({{"from", from},
                      {"to", to},
                      {"series", key.second},
                      {"rows", rows},
                      {"tip",
                       {{colours.legend, key.second},
                        {"ratio", fmt::format("{:.2f} to {:.2f}", from, to)},
                        {"rows", rows}}}});
  }
  Json spec = Json::parse(kHistogram);
  spec["data"][0]["values"] = values;
  spec["scales"].push_back(vega::colour_scale(colours.names));
  return spec;
}

double rounded(double value) { return std::round(value * 100) / 100; }

/// A column of texts, as numbers of a list.
struct TextColumn {
  std::map<std::string, std::size_t> numbers;
  Json names = Json::array();

  std::size_t number(const std::string& text) {
    const auto [place, is_new] = numbers.try_emplace(text, numbers.size());
    if (is_new) names.push_back(text);
    return place->second;
  }
};

}  // namespace

Json rows_json(const FitResult& result) {
  const MetaTable& table = result.inputs.table;
  const Colouring colours = colouring(result);
  std::map<std::string, TextColumn> texts;
  Json columns;
  const auto add_text = [&](const char* name, const std::string& text) {
    columns[name].push_back(texts[name].number(text));
  };
  for (std::size_t i = 0; i < result.inputs.rows.size();
       i += stride_of(result)) {
    const RowIndex index = result.inputs.rows[i];
    const MetaRow& row = table.rows[index];
    add_text("colour", (table.*colours.name)(row));
    add_text("family", table.family(row));
    add_text("architecture", table.architecture(row));
    add_text("data set", table.dataset(row));
    columns["learning rate"].push_back(row.learning_rate);
    columns["B"].push_back(row.batch_size);
    if (row.counts_epochs) {
      columns["patience"].push_back(std::exp(row.training.log_patience));
    } else {
      columns["epsilon"].push_back(row.epsilon);
    }
    if (result.inputs.whole_trainings) {
      columns["N"].push_back(std::round(std::exp(row.training.log_samples)));
    }
    columns["measured"].push_back(row.t_star);
    columns["predicted"].push_back(rounded(predictions(result)[index]));
  }
  Json names;
  for (auto& [name, column] : texts) names[name] = std::move(column.names);
  return {{"columns", columns}, {"names", names}};
}

ChartSection prediction_section(const FitResult& result) {
  const Colouring colours = colouring(result);
  const std::size_t rows = result.inputs.rows.size();
  const std::size_t shown = (rows - 1) / stride_of(result) + 1;
  return {"Predicted and measured",
          fmt::format("{} of {} rows, each predicted by a model that saw "
                      "nothing of its trajectory. The dashed line is a perfect "
                      "prediction, the band what is within a factor of two of "
                      "it.",
                      format_count(static_cast<std::int64_t>(shown)),
                      format_count(static_cast<std::int64_t>(rows))),
          {{"predicted", "", colours.legend, colours.names,
            scatter(result, colours)}}};
}

ChartSection residual_section(const FitResult& result) {
  const Colouring colours = colouring(result);
  return {"Residuals",
          "How far predictions are off: 2 is twice what was measured. What is "
          "beyond an axis is drawn at its end.",
          {{"residuals", "By prediction", colours.legend, colours.names,
            residuals(result, colours)},
           {"histogram", "All rows", colours.legend, colours.names,
            histogram(result, colours)}},
          false};
}

}  // namespace cape::predictor
