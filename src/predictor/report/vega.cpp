#include "predictor/report/vega.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "predictor/report/charts.h"

namespace cape::predictor::vega {
namespace {

constexpr int kLineHeight = 26;

constexpr char kDotPlot[] = R"json({
  "data": [{"name": "dots"}],
  "scales": [
    {"name": "x", "range": "width", "nice": true, "zero": false},
    {"name": "y", "type": "band", "range": "height",
     "domain": {"data": "dots", "field": "label"}}
  ],
  "axes": [
    {"scale": "x", "orient": "bottom", "grid": true, "tickCount": 6},
    {"scale": "y", "orient": "left", "labelColor": "var(--ink)",
     "labelLimit": 190}
  ],
  "marks": [
    {"type": "rule", "from": {"data": "dots"}, "encode": {"enter": {
       "stroke": {"scale": "colour", "field": "series"},
       "strokeWidth": {"value": 2}, "strokeOpacity": {"value": 0.45}},
     "update": {
       "y": {"scale": "y", "field": "label", "band": 0.5},
       "x": {"scale": "x", "field": "low"},
       "x2": {"scale": "x", "field": "high"}}}},
    {"type": "symbol", "from": {"data": "dots"}, "encode": {"enter": {
       "fill": {"scale": "colour", "field": "series"},
       "size": {"value": 80},
       "tooltip": {"signal": "datum.tip"}},
     "update": {
       "y": {"scale": "y", "field": "label", "band": 0.5},
       "x": {"scale": "x", "field": "value"},
       "strokeWidth": {"value": 0}},
     "hover": {"stroke": {"value": "var(--ink)"},
               "strokeWidth": {"value": 2}}}}
  ]
})json";

constexpr char kReference[] = R"json({"type": "rule", "encode": {
  "enter": {"stroke": {"value": "var(--soft)"},
            "strokeDash": {"value": [5, 4]}},
  "update": {"y": {"value": 0}, "y2": {"signal": "height"}}}})json";

Json values_of(const std::vector<Dot>& dots, const std::string& title) {
  Json values = Json::array();
  for (const Dot& dot : dots) {
    const bool has_interval = std::isfinite(dot.low) && std::isfinite(dot.high);
    Json tip = {{"of", dot.label}, {"series", dot.series}, {title, dot.value}};
    if (has_interval) {
      tip["interval"] = fmt::format("{:.3g} to {:.3g}", dot.low, dot.high);
    }
    values.push_back({{"label", dot.label},
                      {"series", dot.series},
                      {"value", dot.value},
                      {"low", has_interval ? dot.low : dot.value},
                      {"high", has_interval ? dot.high : dot.value},
                      {"tip", tip}});
  }
  return values;
}

}  // namespace

Json colour_scale(const std::vector<std::string>& names) {
  Json colours = Json::array();
  for (std::size_t i = 0; i < names.size(); ++i) {
    colours.push_back(fmt::format("var(--c{})", i % kChartColours));
  }
  return {{"name", "colour"},
          {"type", "ordinal"},
          {"domain", names},
          {"range", colours}};
}

std::vector<double> ticks(double least, double greatest) {
  std::vector<double> ticks;
  const int first = static_cast<int>(std::floor(std::log10(least)));
  const int last = static_cast<int>(std::floor(std::log10(greatest)));
  for (int decade = first; decade <= last; ++decade) {
    for (const int factor : {1, 2, 5}) {
      const double tick = std::pow(10, decade) * factor;
      if (tick >= least && tick <= greatest) ticks.push_back(tick);
    }
  }
  return ticks;
}

Json dot_plot(const std::vector<Dot>& dots,
              const std::vector<std::string>& series, const DotAxis& axis) {
  Json spec = Json::parse(kDotPlot);
  std::vector<std::string> labels;
  double least = std::numeric_limits<double>::infinity();
  double greatest = -least;
  for (const Dot& dot : dots) {
    if (std::ranges::find(labels, dot.label) == labels.end()) {
      labels.push_back(dot.label);
    }
    for (const double value : {dot.low, dot.value, dot.high, axis.reference}) {
      if (!std::isfinite(value)) continue;
      least = std::min(least, value);
      greatest = std::max(greatest, value);
    }
  }
  spec["height"] = kLineHeight * static_cast<int>(labels.size());
  spec["data"][0]["values"] = values_of(dots, axis.title);
  Json& x = spec["scales"][0];
  // A perfect model has an error of 0.
  const bool is_logarithmic = axis.logarithmic && least > 0;
  x["type"] = is_logarithmic ? "log" : "linear";
  x["domain"] = {least, greatest};
  if (is_logarithmic) {
    spec["axes"][0]["values"] = ticks(least / 2, greatest * 2);
    x["nice"] = false;
    x["domain"] = {least / 1.2, greatest * 1.2};
  }
  spec["axes"][0]["title"] = axis.title;
  spec["scales"].push_back(colour_scale(series));
  if (!std::isnan(axis.reference)) {
    Json rule = Json::parse(kReference);
    rule["encode"]["update"]["x"] = {{"scale", "x"}, {"value", axis.reference}};
    spec["marks"].insert(spec["marks"].begin(), rule);
  }
  return spec;
}

}  // namespace cape::predictor::vega
