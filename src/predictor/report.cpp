#include "predictor/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

#include "core/units.h"
#include "core/version.h"
#include "predictor/charts.h"
#include "predictor/report_style.h"

namespace cape {
namespace {

/// More points than these only make the page heavier.
constexpr std::size_t kScatterPoints = 4000;

std::string count(std::size_t number) {
  return format_count(static_cast<std::int64_t>(number));
}

const Evaluation& kept(const FitResult& result) {
  return result.comparison.evaluations.front();
}

std::string_view title_of(std::string_view column) {
  if (column == "family") return "family";
  if (column == "dataset") return "data set";
  if (column == "learning_rate") return "learning rate";
  if (column == "batch_size") return "batch size B";
  if (column == "epsilon") return "epsilon";
  return column;
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
  page += "<dl class=tiles>\n";
  tile("mean absolute error", decimals(overall.mae), "steps");
  tile("median absolute error", decimals(overall.median_ae), "steps");
  tile("RMSE", decimals(overall.rmse), "steps");
  tile("R²", decimals(overall.r2), "");
  tile("average accuracy", decimals(100 * overall.avg_accuracy, 0), "%");
  page += "</dl>\n";
}

/// Every n-th row, coloured by family, or by data set where there is one
/// family.
std::vector<ScatterSeries> scatter_series(const FitResult& result) {
  const MetaTable& table = result.inputs.table;
  const std::vector<RowIndex>& rows = result.inputs.rows;
  const bool by_family = count_by(table, rows, &MetaTable::family).size() > 1;
  const std::size_t stride = rows.size() / kScatterPoints + 1;
  std::map<std::string, ScatterSeries> series;
  for (std::size_t i = 0; i < rows.size(); i += stride) {
    const MetaRow& row = table.rows[rows[i]];
    const std::string& name =
        by_family ? table.family(row) : table.dataset(row);
    series[name].name = name;
    series[name].points.emplace_back(row.t_star,
                                     kept(result).predicted[rows[i]]);
  }
  std::vector<ScatterSeries> sorted;
  sorted.reserve(series.size());
  for (auto& [name, one] : series) sorted.push_back(std::move(one));
  return sorted;
}

void add_scatter(const FitResult& result, std::string& page) {
  const std::vector<ScatterSeries> series = scatter_series(result);
  std::size_t shown = 0;
  for (const ScatterSeries& one : series) shown += one.points.size();
  page += "<h2>Predicted and measured</h2>\n<figure class=\"card scatter\">\n";
  page += scatter_svg(series);
  page += "\n<figcaption><ul class=legend>\n";
  for (std::size_t i = 0; i < series.size(); ++i) {
    fmt::format_to(std::back_inserter(page),
                   "<li class=c{}><i></i><span>{}</span></li>\n",
                   i % kChartColours, html_text(series[i].name));
  }
  fmt::format_to(std::back_inserter(page),
                 "</ul><p>{} of {} rows, each predicted by a model that saw "
                 "nothing of its trajectory. The dashed line is a perfect "
                 "prediction, the band what is within a factor of two of "
                 "it.</p></figcaption></figure>\n",
                 count(shown), count(result.inputs.rows.size()));
}

/// The groups of each column that has several, in order.
std::vector<std::vector<const Group*>> groups_by_column(
    const Evaluation& evaluation) {
  std::vector<std::vector<const Group*>> columns;
  for (const Group& group : evaluation.groups) {
    if (group.column.empty()) continue;
    if (columns.empty() || columns.back().front()->column != group.column) {
      columns.emplace_back();
    }
    columns.back().push_back(&group);
  }
  // What all rows share says nothing about where the error is.
  std::erase_if(columns, [](const auto& column) { return column.size() < 2; });
  return columns;
}

void add_bars(const Evaluation& evaluation, std::string& page) {
  const auto out = std::back_inserter(page);
  if (groups_by_column(evaluation).empty()) return;
  double greatest = 0;
  for (const Group& group : evaluation.groups) {
    greatest = std::max(greatest, group.metrics.mae);
  }
  page +=
      "<h2>Where the error is</h2>\n<p class=soft>Mean absolute error in "
      "steps; all bars have one scale.</p>\n<div class=groups>\n";
  for (const auto& column : groups_by_column(evaluation)) {
    fmt::format_to(out, "<section class=card><h3>By {}</h3><table class=bars>",
                   title_of(column.front()->column));
    for (const Group* group : column) {
      const double mae = group->metrics.mae;
      const double width = greatest > 0 ? 100 * mae / greatest : 0;
      fmt::format_to(out,
                     "<tr><th scope=row>{}</th><td class=bar>"
                     "<div style=\"width:{:.1f}%\"></div></td><td>{}</td></tr>",
                     html_text(group->value), width, decimals(mae));
    }
    page += "</table></section>\n";
  }
  page += "</div>\n";
}

void add_metrics_table(const Evaluation& evaluation, std::string& page) {
  page +=
      "<div class=\"card scroll\"><table><thead><tr><th>group</th>"
      "<th>rows</th><th>MAE</th><th>RMSE</th><th>MedianAE</th><th>R²</th>"
      "<th>AvgAccuracy</th></tr></thead><tbody>\n";
  std::string_view column;
  for (const Group& group : evaluation.groups) {
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
                   &one == &kept(result) ? " open" : "", html_text(one.scheme),
                   html_text(one.model),
                   decimals(one.groups.front().metrics.mae),
                   html_text(one.description));
    add_metrics_table(one, page);
    page += "</details>\n";
  }
}

/// The tables that people read here, but for all metrics, which are above.
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

void add_model(const FitResult& result, std::string& page) {
  const auto out = std::back_inserter(page);
  const BoosterSettings& settings = result.model.settings.booster;
  fmt::format_to(
      out,
      "<h2>The model</h2>\n<p>XGBoost on log T*{}: {} trees of depth "
      "{}, learning rate {}, {} of the rows and {} of the columns a "
      "tree, lambda {}, alpha {}, seed {}. <code>model.json</code> "
      "is fitted on all rows. A network with a feature outside "
      "these ranges is unlike all of them.</p>\n",
      result.model.base ? ", on a ridge regression" : "", settings.trees,
      settings.depth, settings.learning_rate, settings.subsample,
      settings.colsample_bytree, settings.lambda, settings.alpha,
      settings.seed);
  page +=
      "<div class=\"card scroll\"><table><thead><tr><th>feature</th>"
      "<th>least</th><th>greatest</th></tr></thead><tbody>\n";
  const FeatureSet& features = result.model.features;
  const auto ranges =
      feature_ranges(result.inputs.table, result.inputs.rows, features);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    fmt::format_to(out,
                   "<tr><th scope=row>{}</th><td>{}</td><td>{}</td></tr>\n",
                   features.features[i].name, decimals(ranges[i].first, 3),
                   decimals(ranges[i].second, 3));
  }
  page += "</tbody></table></div>\n";
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
      "</style></head>\n<body><main>\n<h1>How well training steps are "
      "predicted</h1>\n<p>T* is the number of optimizer steps until the loss "
      "on one fixed batch has fallen to epsilon times its initial value. It is "
      "not the length of a whole training.</p>\n<p class=soft>{} rows of {} "
      "trajectories, {} folds grouped by trajectory, seed {}.</p>\n",
      count(result.inputs.rows.size()),
      count(count_trajectories(result.inputs.table, result.inputs.rows)),
      result.options.comparison.folds, result.options.comparison.seed);
  add_tiles(result, page);
  add_scatter(result, page);
  add_bars(kept(result), page);
  add_evaluations(result, page);
  add_tables(tables, page);
  add_model(result, page);
  add_inputs(result, page);
  fmt::format_to(
      std::back_inserter(page),
      "<footer>cape_fit {} ({}), {}</footer>\n</main></body></html>\n",
      kVersion, kGitCommit, utc_now());
  return page;
}

}  // namespace cape
