// Charts of what was measured: loss curves, the grid, and times.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "predictor/report/chart_sections.h"
#include "predictor/report/vega.h"

namespace cape::predictor {
namespace {

using vega::Dot;
using vega::Json;

constexpr std::size_t kPointsOfCurve = 150;

/// Of a grid that is drawn. Where learning rates were drawn for each trial
/// there are nearly as many as rows, which nobody can read.
constexpr std::size_t kMostCells = 200;

constexpr char kCurves[] = R"json({
  "height": 300,
  "data": [{"name": "losses"}, {"name": "targets"}],
  "scales": [
    {"name": "x", "type": "symlog", "range": "width", "nice": false,
     "domain": {"data": "losses", "field": "step"}},
    {"name": "y", "type": "log", "range": "height", "nice": false,
     "domain": {"data": "losses", "field": "loss"}}
  ],
  "axes": [
    {"scale": "x", "orient": "bottom", "grid": true, "title": "step t",
     "values": [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000]},
    {"scale": "y", "orient": "left", "grid": true, "title": "L_t / L_0",
     "values": [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5], "format": "~g"}
  ],
  "marks": [
    {"type": "rule", "from": {"data": "targets"}, "encode": {
      "enter": {"stroke": {"value": "var(--soft)"},
                "strokeDash": {"value": [5, 4]},
                "tooltip": {"signal": "{epsilon: datum.epsilon}"}},
      "update": {"x": {"value": 0}, "x2": {"signal": "width"},
                 "y": {"scale": "y", "field": "epsilon"}}}},
    {"type": "group",
     "from": {"facet": {"name": "curve", "data": "losses",
                        "groupby": "curve"}},
     "marks": [
      {"type": "line", "from": {"data": "curve"}, "interactive": false,
       "encode": {
        "enter": {"stroke": {"scale": "colour", "field": "series"},
                  "strokeWidth": {"value": 1.8}},
        "update": {"x": {"scale": "x", "field": "step"},
                   "y": {"scale": "y", "field": "loss"}}}},
      {"type": "symbol", "from": {"data": "curve"}, "encode": {
        "enter": {"fill": {"scale": "colour", "field": "series"},
                  "size": {"value": 60},
                  "tooltip": {"signal":
                    "merge({step: datum.step, 'L_t / L_0': datum.loss}, datum.tip)"}},
        "update": {"x": {"scale": "x", "field": "step"},
                   "y": {"scale": "y", "field": "loss"},
                   "fillOpacity": {"value": 0}},
        "hover": {"fillOpacity": {"value": 1}}}}
    ]}
  ]
})json";

constexpr char kGrid[] = R"json({
  "data": [{"name": "cells"}],
  "scales": [
    {"name": "x", "type": "band", "range": "width", "padding": 0.06,
     "domain": {"data": "cells", "field": "rate",
                "sort": {"op": "min", "field": "rate_number"}}},
    {"name": "y", "type": "band", "range": "height", "padding": 0.06,
     "domain": {"data": "cells", "field": "batch",
                "sort": {"op": "max", "field": "minus_batch"}}},
    {"name": "strength", "range": [0.12, 0.7], "zero": true,
     "domain": {"data": "cells", "field": "steps"}}
  ],
  "axes": [
    {"scale": "x", "orient": "bottom", "title": "learning rate"},
    {"scale": "y", "orient": "left", "title": "B"}
  ],
  "marks": [
    {"type": "rect", "from": {"data": "cells"}, "encode": {
      "enter": {"fill": {"value": "var(--accent)"},
                "cornerRadius": {"value": 4},
                "tooltip": {"signal": "datum.tip"}},
      "update": {"x": {"scale": "x", "field": "rate"},
                 "width": {"scale": "x", "band": 1},
                 "y": {"scale": "y", "field": "batch"},
                 "height": {"scale": "y", "band": 1},
                 "stroke": {"value": null},
                 "fillOpacity": {"scale": "strength", "field": "steps"}},
      "hover": {"stroke": {"value": "var(--ink)"}}}},
    {"type": "text", "from": {"data": "cells"}, "interactive": false,
     "encode": {
      "enter": {"fill": {"value": "var(--ink)"}, "align": {"value": "center"},
                "baseline": {"value": "middle"}, "fontSize": {"value": 12},
                "text": {"field": "text"}, "lineHeight": {"value": 15},
                "dy": {"signal": "isArray(datum.text) ? -7 : 0"}},
      "update": {"x": {"scale": "x", "field": "rate", "band": 0.5},
                 "y": {"scale": "y", "field": "batch", "band": 0.5}}}}
  ]
})json";

constexpr char kTimes[] = R"json({
  "height": 240,
  "data": [{"name": "times"}],
  "scales": [
    {"name": "x", "type": "point", "range": "width", "padding": 0.5},
    {"name": "y", "type": "log", "range": "height", "nice": false}
  ],
  "axes": [
    {"scale": "x", "orient": "bottom", "title": "batch size B"},
    {"scale": "y", "orient": "left", "grid": true, "title": "ms per step",
     "format": "~g"}
  ],
  "marks": [
    {"type": "group",
     "from": {"facet": {"name": "family", "data": "times",
                        "groupby": "series"}},
     "marks": [
      {"type": "line", "from": {"data": "family"}, "encode": {
        "enter": {"stroke": {"scale": "colour", "field": "series"},
                  "strokeWidth": {"value": 1.5}},
        "update": {"x": {"scale": "x", "field": "batch"},
                   "y": {"scale": "y", "field": "step"}}}},
      {"type": "rule", "from": {"data": "family"}, "encode": {
        "enter": {"stroke": {"scale": "colour", "field": "series"},
                  "strokeWidth": {"value": 2},
                  "strokeOpacity": {"value": 0.45}},
        "update": {"x": {"scale": "x", "field": "batch"},
                   "y": {"scale": "y", "field": "low"},
                   "y2": {"scale": "y", "field": "high"}}}},
      {"type": "symbol", "from": {"data": "family"}, "encode": {
        "enter": {"fill": {"scale": "colour", "field": "series"},
                  "tooltip": {"signal": "datum.tip"}, "size": {"value": 80}},
        "update": {"x": {"scale": "x", "field": "batch"},
                   "y": {"scale": "y", "field": "step"},
                   "stroke": {"value": null}},
        "hover": {"stroke": {"value": "var(--ink)"}}}}
    ]}
  ]
})json";

constexpr char kValidation[] = R"json({
  "height": 200,
  "data": [{"name": "losses"}, {"name": "best"}],
  "scales": [
    {"name": "x", "type": "linear", "range": "width", "nice": false},
    {"name": "y", "type": "linear", "range": "height", "zero": false,
     "domain": {"data": "losses", "field": "loss"}}
  ],
  "axes": [
    {"scale": "x", "orient": "bottom", "grid": true, "title": "epoch"},
    {"scale": "y", "orient": "left", "grid": true,
     "title": "validation loss"}
  ],
  "marks": [
    {"type": "rect", "from": {"data": "best"}, "encode": {
      "enter": {"fill": {"value": "var(--soft)"},
                "fillOpacity": {"value": 0.15}},
      "update": {"x": {"scale": "x", "field": "from"},
                 "x2": {"scale": "x", "field": "to"},
                 "y": {"value": 0}, "y2": {"signal": "height"}}}},
    {"type": "rule", "from": {"data": "best"}, "encode": {
      "enter": {"stroke": {"value": "var(--ink)"},
                "strokeDash": {"value": [5, 4]},
                "tooltip": {"signal": "{'predicted best epoch': format(datum.predicted, '.1f'), interval: format(datum.from, '.1f') + ' to ' + format(datum.to, '.1f')}"}},
      "update": {"x": {"scale": "x", "field": "predicted"},
                 "y": {"value": 0}, "y2": {"signal": "height"}}}},
    {"type": "rule", "from": {"data": "best"}, "encode": {
      "enter": {"stroke": {"value": "var(--ink)"},
                "strokeDash": {"value": [1, 4]},
                "tooltip": {"signal": "{'predicted stop': format(datum.stop, '.1f')}"}},
      "update": {"x": {"scale": "x", "field": "stop"},
                 "y": {"value": 0}, "y2": {"signal": "height"}}}},
    {"type": "rule", "from": {"data": "best"}, "encode": {
      "enter": {"stroke": {"value": "var(--ink)"},
                "tooltip": {"signal": "{'best epoch': datum.measured}"}},
      "update": {"x": {"scale": "x", "field": "measured"},
                 "y": {"value": 0}, "y2": {"signal": "height"}}}},
    {"type": "line", "from": {"data": "losses"}, "interactive": false,
     "encode": {
      "enter": {"stroke": {"value": "var(--c0)"},
                "strokeWidth": {"value": 1.8}},
      "update": {"x": {"scale": "x", "field": "epoch"},
                 "y": {"scale": "y", "field": "loss"}}}},
    {"type": "symbol", "from": {"data": "losses"}, "encode": {
      "enter": {"fill": {"value": "var(--c0)"}, "size": {"value": 30},
                "tooltip": {"signal": "{epoch: datum.epoch, 'validation loss': format(datum.loss, '.4g')}"}},
      "update": {"x": {"scale": "x", "field": "epoch"},
                 "y": {"scale": "y", "field": "loss"}}}}
  ]
})json";

/// All steps at first, then fewer and fewer, so that they are evenly spaced on
/// the chart's axis.
std::vector<std::size_t> sampled_steps(std::size_t count) {
  std::set<std::size_t> steps;
  const double end = std::log(static_cast<double>(count));
  for (std::size_t i = 0; i < kPointsOfCurve; ++i) {
    const double share = double(i) / (kPointsOfCurve - 1);
    steps.insert(static_cast<std::size_t>(std::exp(share * end) - 0.5));
  }
  return {steps.begin(), steps.end()};
}

Json curve_values(const FitResult& result, const Colouring& colours) {
  const MetaTable& table = result.inputs.table;
  Json values = Json::array();
  int number = 0;
  for (const SampleCurve& curve : result.inputs.measurements.curves) {
    const MetaRow& row = table.rows[curve.row];
    const std::string& series = (table.*colours.name)(row);
    const Json tip = {{"architecture", table.architecture(row)},
                      {"data set", table.dataset(row)},
                      {"learning rate", row.learning_rate},
                      {"B", row.batch_size}};
    for (const std::size_t step : sampled_steps(curve.losses.size())) {
      const double loss = curve.losses[step] / curve.losses[0];
      if (!std::isfinite(loss) || loss <= 0) break;
      values.push_back({{"curve", number},
                        {"series", series},
                        {"step", curve.steps[step]},
                        {"loss", std::round(loss * 1e4) / 1e4},
                        {"tip", tip}});
    }
    ++number;
  }
  return values;
}

Json curves(const FitResult& result, const Colouring& colours) {
  Json spec = Json::parse(kCurves);
  spec["data"][0]["values"] = curve_values(result, colours);
  std::set<double> targets;
  for (const RowIndex row : result.inputs.rows) {
    targets.insert(result.inputs.table.rows[row].epsilon);
  }
  for (const double target : targets) {
    spec["data"][1]["values"].push_back({{"epsilon", target}});
  }
  spec["scales"].push_back(vega::colour_scale(colours.names));
  return spec;
}

/// One training, with what was predicted of it.
Json validation(const FitResult& result, const SampleCurve& curve,
                double predicted) {
  const MetaRow& row = result.inputs.table.rows[curve.row];
  const Offsets& offsets = result.predictor.offsets.at(SchemeName::kfold)
                               .of(result.inputs.table.family(row));
  const double patience = std::exp(row.training.log_patience);
  Json values = Json::array();
  for (std::size_t i = 0; i < curve.losses.size(); ++i) {
    if (!std::isfinite(curve.losses[i])) break;
    values.push_back({{"epoch", i + 1}, {"loss", curve.losses[i]}});
  }
  const double lower = steps_from_log(std::log(predicted) + offsets.lower, row);
  const double upper = steps_from_log(std::log(predicted) + offsets.upper, row);
  // Of a training that its cap ended: the best epoch up to there.
  const std::int32_t best = row.converged ? row.t_star : row.steps_run;
  Json spec = Json::parse(kValidation);
  spec["data"][0]["values"] = values;
  spec["data"][1]["values"] = {
      {{"from", lower},
       {"to", upper},
       {"predicted", predicted},
       {"stop", std::min<double>(predicted + patience, row.max_steps)},
       {"measured", best}}};
  spec["scales"][0]["domain"] = {
      0, std::max({upper, double(values.size()), double(best),
                   predicted + patience}) +
             1};
  return spec;
}

/// The rows of one learning rate and batch size.
struct Cell {
  std::int64_t rows = 0;
  std::int64_t censored = 0;
  std::vector<std::int32_t> steps;
};
using Cells = std::map<std::pair<double, std::int32_t>, Cell>;

Json cell_json(double rate, std::int32_t batch, Cell cell) {
  const auto middle =
      cell.steps.begin() + static_cast<std::ptrdiff_t>(cell.steps.size() / 2);
  std::ranges::nth_element(cell.steps, middle);
  const std::string rows = fmt::format("{}", cell.rows);
  const Json text = cell.censored == 0
                        ? Json(rows)
                        : Json{rows, fmt::format("{} censored", cell.censored)};
  return {{"rate", fmt::format("{:g}", rate)},
          {"rate_number", rate},
          {"batch", fmt::format("{}", batch)},
          {"minus_batch", -batch},
          {"steps", *middle},
          {"text", text},
          {"tip",
           {{"learning rate", rate},
            {"B", batch},
            {"rows", cell.rows},
            {"censored", cell.censored},
            {"median T*", *middle}}}};
}

Json grid(const Cells& cells) {
  Json spec = Json::parse(kGrid);
  std::set<std::int32_t> batches;
  for (auto& [key, cell] : cells) {
    batches.insert(key.second);
    spec["data"][0]["values"].push_back(cell_json(key.first, key.second, cell));
  }
  spec["height"] = 44 * static_cast<int>(batches.size());
  return spec;
}

Json step_times(const std::vector<Timing>& timings,
                const std::vector<std::string>& families) {
  Json values = Json::array();
  std::set<std::int32_t> batches;
  double least = std::numeric_limits<double>::infinity();
  double greatest = 0;
  for (const Timing& one : timings) {
    batches.insert(one.batch_size);
    least = std::min(least, one.step_low);
    greatest = std::max(greatest, one.step_high);
    values.push_back({{"series", one.family},
                      {"batch", one.batch_size},
                      {"low", 1e3 * one.step_low},
                      {"step", 1e3 * one.step},
                      {"high", 1e3 * one.step_high},
                      {"tip",
                       {{"family", one.family},
                        {"B", one.batch_size},
                        {"rows", one.rows},
                        {"median (ms)", 1e3 * one.step},
                        {"10 % to 90 % (ms)",
                         fmt::format("{:.3g} to {:.3g}", 1e3 * one.step_low,
                                     1e3 * one.step_high)}}}});
  }
  Json spec = Json::parse(kTimes);
  spec["data"][0]["values"] = values;
  spec["scales"][0]["domain"] = batches;
  spec["scales"][1]["domain"] = {1e3 * least / 1.3, 1e3 * greatest * 1.3};
  spec["axes"][1]["values"] = vega::ticks(100 * least, 1e4 * greatest);
  spec["scales"].push_back(vega::colour_scale(families));
  return spec;
}

}  // namespace

ChartSection curve_section(const FitResult& result) {
  if (counts_epochs(result.inputs)) return {};
  if (result.inputs.measurements.curves.empty()) {
    return {"Loss curves", "Not available: the input has none.", {}};
  }
  const Colouring colours = colouring(result);
  return {
      "Loss curves",
      result.inputs.whole_trainings
          ? "The training loss of a few trainings, over its initial value; "
            "dashed lines are the epsilons."
          : "The loss of a few trainings on their batch, over its initial "
            "value. A training is over when it is below the least epsilon; "
            "dashed lines are those.",
      {{"curves", "", colours.legend, colours.names, curves(result, colours)}}};
}

ChartSection validation_section(const FitResult& result) {
  const std::vector<SampleCurve>& all = result.inputs.measurements.curves;
  if (!counts_epochs(result.inputs) || all.empty()) return {};
  const MetaTable& table = result.inputs.table;
  ChartSection section = {
      "Validation curves",
      "The validation loss of a few trainings, epoch by epoch. The solid line "
      "is the measured best epoch, the dashed one the prediction by a model "
      "that saw nothing of the training, the band its interval, and the dotted "
      "line the predicted end of the training, a patience later.",
      {},
      false};
  for (const SampleCurve& curve : all) {
    const double predicted =
        result.comparison.evaluations.front().predicted[curve.row];
    if (std::isnan(predicted) || curve.losses.empty()) continue;
    const MetaRow& row = table.rows[curve.row];
    section.charts.push_back(
        {fmt::format("validation_{}", section.charts.size()),
         fmt::format("{} on {}, N = {:.0f}, learning rate {:.2g}, B = {}",
                     table.architecture(row), table.dataset(row),
                     std::exp(row.training.log_samples), row.learning_rate,
                     row.batch_size),
         "",
         {},
         validation(result, curve, predicted)});
  }
  return section;
}

ChartSection grid_section(const FitResult& result) {
  const MetaTable& table = result.inputs.table;
  std::map<std::string, Cells> families;
  for (const RowIndex index : result.inputs.rows) {
    const MetaRow& row = table.rows[index];
    Cell& cell =
        families[table.family(row)][{row.learning_rate, row.batch_size}];
    ++cell.rows;
    cell.censored += row.converged ? 0 : 1;
    cell.steps.push_back(row.t_star);
  }
  ChartSection section = {
      "The grid",
      "Rows of each learning rate and batch size, and how many of them did "
      "not converge. The stronger the colour, the greater the median T*.",
      {},
      false};
  for (const auto& [family, cells] : families) {
    if (cells.size() > kMostCells) continue;
    section.charts.push_back({"grid_" + family, family, "", {}, grid(cells)});
  }
  if (section.charts.empty()) return {};
  return section;
}

ChartSection timing_section(const FitResult& result) {
  const std::vector<Timing>& timings = result.inputs.measurements.timings;
  if (timings.empty()) {
    return {"Times", "Not available: the input has none.", {}};
  }
  std::vector<std::string> families;
  std::vector<Dot> dots;
  for (const Timing& one : timings) {
    if (families.empty() || families.back() != one.family) {
      families.push_back(one.family);
    }
    const std::string label =
        fmt::format("{}, B {}", one.family, one.batch_size);
    dots.push_back({label, "probe", one.probe});
    dots.push_back({label, "training", one.training});
  }
  const std::vector<std::string> kinds = {"probe", "training"};
  return {"Times",
          "Seconds as the trials measured them, on the devices they ran on.",
          {{"step_times", "A step: median, 10 % to 90 %", "family", families,
            step_times(timings, families)},
           {"trial_times", "What a trial takes (medians)", "", kinds,
            vega::dot_plot(dots, kinds, {"seconds", true})}},
          false};
}

}  // namespace cape::predictor
