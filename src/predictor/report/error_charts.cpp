// Charts of errors (by group, by model, without groups of features) and of
// intervals.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "predictor/report/chart_sections.h"
#include "predictor/report/vega.h"

namespace cape::predictor {
namespace {

using vega::Dot;
using vega::Json;

constexpr char kGroupedBars[] = R"json({
  "height": 200,
  "data": [{"name": "bars"}],
  "scales": [
    {"name": "x", "type": "band", "range": "width", "paddingInner": 0.2,
     "paddingOuter": 0.1, "domain": {"data": "bars", "field": "value"}},
    {"name": "y", "range": "height", "zero": true, "nice": true,
     "domain": {"data": "bars", "field": "high"}}
  ],
  "axes": [
    {"scale": "y", "orient": "left", "grid": true, "tickCount": 5,
     "title": "MAE"},
    {"scale": "x", "orient": "bottom"}
  ],
  "marks": [{
    "type": "group",
    "from": {"facet": {"data": "bars", "name": "group", "groupby": "value"}},
    "encode": {"update": {"x": {"scale": "x", "field": "value"}}},
    "signals": [{"name": "width", "update": "bandwidth('x')"}],
    "scales": [{"name": "place", "type": "band", "range": "width"}],
    "marks": [
      {"type": "rect", "from": {"data": "group"}, "encode": {
        "enter": {"fill": {"scale": "colour", "field": "series"},
                  "tooltip": {"signal": "datum.tip"}},
        "update": {"x": {"scale": "place", "field": "series"},
                   "width": {"scale": "place", "band": 1, "offset": -1},
                   "y": {"scale": "y", "field": "mae"},
                   "y2": {"scale": "y", "value": 0},
                   "fillOpacity": {"value": 0.85}},
        "hover": {"fillOpacity": {"value": 1}}}},
      {"type": "rule", "from": {"data": "group"}, "interactive": false,
       "encode": {
        "enter": {"stroke": {"value": "var(--ink)"},
                  "strokeOpacity": {"value": 0.6}},
        "update": {"x": {"scale": "place", "field": "series", "band": 0.5},
                   "y": {"scale": "y", "field": "low"},
                   "y2": {"scale": "y", "field": "high"}}}}
    ]
  }]
})json";

/// The evaluations that are drawn side by side, baselines and the paper's
/// methods first.
std::vector<const Evaluation*> side_by_side(const Comparison& comparison) {
  std::vector<const Evaluation*> chosen;
  for (const char* model :
       {"ntkl", "sl", "lce", "constant", "linear", "xgboost_paper",
        "xgboost_extended", "blend_extended", "blend_general", "floor"}) {
    const Evaluation* evaluation = comparison.find(SchemeName::kfold, model);
    if (evaluation != nullptr) chosen.push_back(evaluation);
  }
  return chosen;
}

std::vector<std::string> models_of(const std::vector<const Evaluation*>& from) {
  std::vector<std::string> models;
  models.reserve(from.size());
  for (const Evaluation* one : from) models.push_back(one->model);
  return models;
}

Json bar(const std::string& model, const MetricGroup& group) {
  const auto& [low, high] = group.intervals.mae;
  return {{"series", model},
          {"value", group.value},
          {"mae", group.metrics.mae},
          {"low", low},
          {"high", high},
          {"tip",
           {{"model", model},
            {std::string(title_of(group.column)), group.value},
            {"MAE", group.metrics.mae},
            {"95 % interval", fmt::format("{:.3g} to {:.3g}", low, high)},
            {"rows", group.metrics.rows}}}};
}

Json grouped_bars(const std::vector<const Evaluation*>& evaluations,
                  const std::string& column, std::string_view unit) {
  Json values = Json::array();
  for (const Evaluation* evaluation : evaluations) {
    for (const MetricGroup& group : evaluation->groups) {
      if (group.column == column) {
        values.push_back(bar(evaluation->model, group));
      }
    }
  }
  Json spec = Json::parse(kGroupedBars);
  spec["data"][0]["values"] = values;
  spec["marks"][0]["scales"][0]["domain"] = models_of(evaluations);
  for (Json& axis : spec["axes"]) {
    if (axis.contains("title")) axis["title"] = fmt::format("MAE ({})", unit);
  }
  spec["scales"].push_back(vega::colour_scale(models_of(evaluations)));
  return spec;
}

/// The columns that have several values, in order.
std::vector<std::string> columns_of(const Evaluation& evaluation) {
  std::vector<std::string> columns;
  std::string last;
  for (const MetricGroup& group : evaluation.groups) {
    const bool is_second = !group.column.empty() && group.column == last;
    if (is_second && (columns.empty() || columns.back() != last)) {
      columns.push_back(last);
    }
    last = group.column;
  }
  return columns;
}

std::string text_after(const std::string& text, const std::string& prefix) {
  return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

}  // namespace

ChartSection error_section(const FitResult& result) {
  ChartSection section = {
      "Where the error is",
      fmt::format(
          "Mean absolute error in {} by k folds, with 95 % intervals: the "
          "baselines, the paper's model, this one, and the noise floor: no "
          "model "
          "is better by more than chance.",
          unit_of(result.inputs)),
      {},
      false};
  const auto evaluations = side_by_side(result.comparison);
  for (const std::string& column :
       columns_of(result.comparison.evaluations.front())) {
    section.charts.push_back(
        {"mae_" + column, fmt::format("By {}", title_of(column)), "model",
         models_of(evaluations),
         grouped_bars(evaluations, column, unit_of(result.inputs))});
  }
  if (section.charts.empty()) section.note.clear();
  return section;
}

ChartSection model_section(const FitResult& result) {
  std::vector<std::string> schemes;
  for (const Scheme& scheme : result.comparison.schemes) {
    schemes.emplace_back(to_string(scheme.name));
  }
  std::vector<Dot> dots;
  for (const Evaluation& one : result.comparison.evaluations) {
    if (one.model.ends_with("_calibrated")) continue;
    const MetricGroup& all = one.groups.front();
    dots.push_back({one.model, to_string(one.scheme), all.metrics.mae,
                    all.intervals.mae.low, all.intervals.mae.high});
  }
  std::ranges::stable_sort(dots, {}, &Dot::value);
  return {"Models",
          "Mean absolute error over all rows that a model can predict, with "
          "95 % intervals; each scheme holds other rows out.",
          {{"models", "", "scheme", schemes,
            vega::dot_plot(
                dots, schemes,
                {fmt::format("MAE ({})", unit_of(result.inputs)), true})}}};
}

ChartSection ablation_section(const FitResult& result) {
  if (!result.ablation) return {};
  const std::vector<std::string>& series = result.ablation->columns;
  const std::vector<double>& all = result.ablation->lines.front().mae;
  std::vector<Dot> dots;
  for (const Ablation::Line& line : result.ablation->lines) {
    if (line.left_out.empty()) continue;
    for (std::size_t j = 0; j < series.size(); ++j) {
      const double change = 100 * (line.mae[j] / all[j] - 1);
      if (!std::isfinite(change)) continue;
      dots.push_back({line.left_out, series[j], change});
    }
  }
  if (dots.empty()) return {};
  return {"Without a group of features",
          "How much the mean absolute error grows when the model does without "
          "a group of features. To the right: the group helps.",
          {{"ablation", "", "scheme and family", series,
            vega::dot_plot(dots, series, {"change of MAE (%)", false, 0})}}};
}

ChartSection coverage_section(const FitResult& result) {
  std::vector<std::string> schemes;
  std::vector<Dot> dots;
  for (const auto& [scheme, groups] : result.coverage) {
    schemes.emplace_back(to_string(scheme));
    for (const Coverage& one : groups) {
      dots.push_back({text_after(text_after(one.group, "family="), "dataset="),
                      to_string(scheme), 100 * one.covered});
    }
  }
  if (dots.empty()) return {};
  return {
      "What intervals cover",
      fmt::format("The share of rows inside of {:g} % intervals that come "
                  "from other rows, before rounding.",
                  100 * result.options.level),
      {{"coverage", "", "scheme", schemes,
        vega::dot_plot(dots, schemes,
                       {"covered (%)", false, 100 * result.options.level})}}};
}

}  // namespace cape::predictor
