#include "predictor/report/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "core/json.h"
#include "core/units.h"
#include "core/version.h"
#include "predictor/report/charts.h"
#include "predictor/report/page_assets.h"

namespace cape::predictor {
namespace {

std::string count(std::size_t number) {
  return format_count(static_cast<std::int64_t>(number));
}

const Evaluation& kept(const FitResult& result) {
  return result.comparison.evaluations.front();
}

/// `text` with the reserved characters of HTML replaced.
std::string html_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

void add_tiles(const FitResult& result, std::string& page) {
  const Metrics& overall = kept(result).groups.front().metrics;
  const auto tile = [&page](std::string_view term, const std::string& value,
                            std::string_view unit) {
    fmt::format_to(std::back_inserter(page),
                   "<div class=card><dt>{}</dt><dd>{} <small>{}</small></dd>"
                   "</div>\n",
                   term, value, unit);
  };
  const std::string_view unit = unit_of(result.inputs);
  page += "<dl class=tiles>\n";
  tile("mean absolute error", decimals(overall.mae), unit);
  tile("median absolute error", decimals(overall.median_ae), unit);
  tile("RMSE", decimals(overall.rmse), unit);
  tile("R²", decimals(overall.r2), "");
  tile("average accuracy", decimals(100 * overall.avg_accuracy, 0), "%");
  page += "</dl>\n";
}

void add_legend(const Chart& chart, std::string& page) {
  if (chart.series.size() < 2) return;
  page += "<ul class=legend>";
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    fmt::format_to(std::back_inserter(page),
                   "<li class=c{}><i></i><span>{}</span></li>",
                   i % kChartColours, html_text(chart.series[i]));
  }
  page += "</ul>\n";
}

void add_chart(const Chart& chart, std::string& page) {
  const auto out = std::back_inserter(page);
  page += "<figure class=card>";
  if (!chart.title.empty()) {
    fmt::format_to(out, "<h3>{}</h3>\n", html_text(chart.title));
  }
  add_legend(chart, page);
  fmt::format_to(out, "<div class=chart id=\"{}\"></div></figure>\n",
                 html_text(chart.id));
}

void add_charts(const std::vector<ChartSection>& sections, std::string& page) {
  for (const ChartSection& section : sections) {
    fmt::format_to(std::back_inserter(page),
                   "<h2>{}</h2>\n<p class=soft>{}</p>\n<div class={}>\n",
                   html_text(section.title), html_text(section.note),
                   section.wide ? "wide" : "groups");
    for (const Chart& chart : section.charts) add_chart(chart, page);
    page += "</div>\n";
  }
}

/// JSON that may be inside of a script element.
std::string script_json(const nlohmann::json& json) {
  std::string text = to_text(json);
  // "</script>" would end the element.
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos;) {
    text.replace(at, 1, "\\u003c");
  }
  return text;
}

void add_scripts(const FitResult& result,
                 const std::vector<ChartSection>& sections, std::string& page) {
  nlohmann::json specs;
  for (const ChartSection& section : sections) {
    for (const Chart& chart : section.charts) specs[chart.id] = chart.spec;
  }
  page += "<dl id=tip hidden></dl>\n";
  for (const auto& [id, json] :
       {std::pair("charts", specs), std::pair("rows", rows_json(result))}) {
    fmt::format_to(std::back_inserter(page),
                   "<script type=\"application/json\" id={}>{}</script>\n", id,
                   script_json(json));
  }
  fmt::format_to(std::back_inserter(page),
                 "<!--\n{}-->\n<script>{}</script>\n<script>{}</script>\n",
                 kVegaLicences, kVegaScript, kReportScript);
}

void add_metrics_table(const Evaluation& evaluation, std::string& page) {
  page +=
      "<div class=\"card scroll\"><table><thead><tr><th>group</th>"
      "<th>rows</th><th>MAE</th><th>RMSE</th><th>MedianAE</th><th>R²</th>"
      "<th>AvgAccuracy</th></tr></thead><tbody>\n";
  std::string_view column;
  for (const MetricGroup& group : evaluation.groups) {
    const Metrics& m = group.metrics;
    const std::string label = group.column.empty()
                                  ? "overall"
                                  : fmt::format("{} {}", title_of(group.column),
                                                html_text(group.value));
    fmt::format_to(std::back_inserter(page),
                   "<tr{}><th scope=row>{}</th><td>{}</td><td>{}</td><td>{}"
                   "</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                   group.column == column ? "" : " class=first", label,
                   format_count(m.rows), decimals(m.mae), decimals(m.rmse),
                   decimals(m.median_ae), decimals(m.r2),
                   decimals(m.avg_accuracy));
    column = group.column;
  }
  page += "</tbody></table></div>\n";
}

void add_evaluations(const FitResult& result, std::string& page) {
  page += "<h2>All models</h2>\n";
  for (const Evaluation& one : result.comparison.evaluations) {
    fmt::format_to(std::back_inserter(page),
                   "<details{}><summary>{}, {}: MAE {}</summary><p "
                   "class=soft>{}</p>\n",
                   &one == &kept(result) ? " open" : "", to_string(one.scheme),
                   html_text(one.model),
                   decimals(one.groups.front().metrics.mae),
                   html_text(one.description));
    add_metrics_table(one, page);
    page += "</details>\n";
  }
}

/// The tables that people read here, except all metrics, which are above.
void add_tables(const std::vector<Table>& tables, std::string& page) {
  const auto out = std::back_inserter(page);
  for (const Table& table : tables) {
    if (table.rows.empty() || table.name == "metrics") continue;
    fmt::format_to(out, "<h2>{}</h2>\n", html_text(table.title));
    for (const std::string& note : table.notes) {
      fmt::format_to(out, "<p class=soft>{}</p>\n", html_text(note));
    }
    page += "<div class=\"card scroll\"><table><thead><tr>";
    for (const std::string& name : table.header) {
      fmt::format_to(out, "<th>{}</th>", html_text(name));
    }
    page += "</tr></thead><tbody>\n";
    for (const auto& row : table.rows) {
      page += "<tr>";
      for (const std::string& field : row) {
        fmt::format_to(out, "<td>{}</td>", html_text(field));
      }
      page += "</tr>\n";
    }
    page += "</tbody></table></div>\n";
  }
}

/// A row for each feature, and a column for each family if there are several.
void add_ranges(const Model& model, std::string& page) {
  std::vector<std::pair<std::string, const Ranges*>> columns = {
      {"all", &model.ranges.overall}};
  for (const auto& [family, ranges] : model.ranges.families) {
    columns.emplace_back(family, &ranges);
  }
  page += "<div class=\"card scroll\"><table><thead><tr><th>feature</th>";
  for (const auto& [name, ranges] : columns) {
    page += fmt::format("<th>{}</th>", html_text(name));
  }
  page += "</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < model.features.size(); ++i) {
    page += fmt::format("<tr><th scope=row>{}</th>",
                        model.features.features[i].name);
    for (const auto& [name, ranges] : columns) {
      const auto& [least, greatest] = (*ranges)[i];
      page += std::isnan(least)
                  ? "<td>none</td>"
                  : fmt::format("<td>{} to {}</td>", decimals(least, 3),
                                decimals(greatest, 3));
    }
    page += "</tr>\n";
  }
  page += "</tbody></table></div>\n";
}

void add_model(const FitResult& result, std::string& page) {
  const auto out = std::back_inserter(page);
  const Model& model = result.predictor.model;
  const BoosterSettings& settings = model.settings.booster;
  fmt::format_to(
      out,
      "<h2>The model</h2>\n<p>XGBoost on log T*{}: {} trees of depth "
      "{}, learning rate {}, {} of the rows and {} of the columns a "
      "tree, lambda {}, alpha {}, seed {}{}. <code>model.json</code> "
      "is fitted on all rows. A network with a feature outside "
      "of its family's range is unlike all of them.</p>\n",
      model.base ? ", on a ridge regression" : "", settings.trees,
      settings.depth, settings.learning_rate, settings.subsample,
      settings.colsample_bytree, settings.lambda, settings.alpha, settings.seed,
      model.perceptrons.empty()
          ? ""
          : fmt::format(". Their answer is averaged with that of {} "
                        "(<code>perceptron.json</code>)",
                        describe_perceptrons(model.perceptrons.size())));
  add_ranges(model, page);
}

void add_inputs(const FitResult& result, std::string& page) {
  page +=
      "<h2>The input</h2>\n<div class=\"card scroll\"><table><thead><tr>"
      "<th>file</th><th>rows</th><th>censored</th><th class=left>families</th>"
      "<th class=left>data sets</th></tr></thead><tbody>\n";
  for (const InputSummary& input : result.inputs.files) {
    fmt::format_to(
        std::back_inserter(page),
        "<tr><th scope=row>{}</th><td>{}</td><td>{}</td>"
        "<td class=left>{}</td><td class=left>{}</td></tr>\n",
        html_text(input.path.filename().string()), format_count(input.rows),
        format_count(input.censored),
        html_text(fmt::format("{}", fmt::join(input.families, ", "))),
        html_text(fmt::format("{}", fmt::join(input.datasets, ", "))));
  }
  page += "</tbody></table></div>\n";
  for (const std::string& warning : result.inputs.warnings) {
    fmt::format_to(std::back_inserter(page), "<p class=soft>{}</p>\n",
                   html_text(warning));
  }
}

}  // namespace

std::string report_html(const FitResult& result,
                        const std::vector<Table>& tables) {
  std::string page =
      "<!doctype html>\n<html lang=en>\n<head><meta charset=utf-8>\n"
      "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
      "<title>CAPE predictor report</title>\n<style>";
  page += kReportStyle;
  fmt::format_to(
      std::back_inserter(page),
      "</style></head>\n<body><main>\n<h1>How well the length of trainings is "
      "predicted</h1>\n<p>{}</p>\n<p class=soft>{} rows of {} "
      "trajectories, {} folds grouped by trajectory, seed {}.</p>\n",
      what_is_predicted(result.inputs), count(result.inputs.rows.size()),
      count(count_trajectories(result.inputs.table, result.inputs.rows)),
      result.options.comparison.folds, result.options.comparison.seed);
  add_tiles(result, page);
  const std::vector<ChartSection> sections = chart_sections(result);
  add_charts(sections, page);
  add_evaluations(result, page);
  add_tables(tables, page);
  add_model(result, page);
  add_inputs(result, page);
  fmt::format_to(std::back_inserter(page),
                 "<footer>cape_fit {} ({}), {}</footer>\n</main>\n", kVersion,
                 kGitCommit, utc_now());
  add_scripts(result, sections, page);
  page += "</body></html>\n";
  return page;
}

}  // namespace cape::predictor
