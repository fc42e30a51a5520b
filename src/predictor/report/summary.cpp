#include "predictor/report/summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "core/units.h"

namespace cape::predictor {
namespace {

/// The groups of the columns in `columns`, one line for each.
void print_groups(const Evaluation& evaluation, std::string_view unit,
                  std::initializer_list<std::string_view> columns) {
  fmt::print("\n{} ({}), errors in {}\n", evaluation.model,
             evaluation.description, unit);
  fmt::print("{:24} {:>10} {:>8} {:>8} {:>8} {:>7} {:>8}\n", "", "rows", "MAE",
             "RMSE", "MedianAE", "R2", "AvgAcc");
  for (const MetricGroup& group : evaluation.groups) {
    if (std::ranges::find(columns, group.column) == columns.end()) continue;
    const Metrics& m = group.metrics;
    fmt::print("{:24} {:>10} {:8.2f} {:8.2f} {:8.2f} {:7.3f} {:8.3f}\n",
               group.name(), format_count(m.rows), m.mae, m.rmse, m.median_ae,
               m.r2, m.avg_accuracy);
  }
}

/// One line for each model and scheme.
void print_overall(const Comparison& comparison) {
  std::optional<SchemeName> scheme;
  for (const Evaluation& evaluation : comparison.evaluations) {
    if (evaluation.scheme != scheme) {
      scheme = evaluation.scheme;
      fmt::print("\n{:40} {:>10} {:>8} {:>8} {:>8}\n", to_string(*scheme),
                 "rows", "MAE", "MedianAE", "AvgAcc");
    }
    const Metrics& m = evaluation.groups.front().metrics;
    fmt::print("{:40} {:>10} {:8.2f} {:8.2f} {:8.3f}\n", evaluation.model,
               format_count(m.rows), m.mae, m.median_ae, m.avg_accuracy);
  }
  if (!comparison.unavailable.empty()) fmt::print("\nnot available\n");
  for (const Unavailable& one : comparison.unavailable) {
    fmt::print("{}{}{}: {}\n", to_string(one.scheme),
               one.model.empty() ? "" : " ", one.model, one.reason);
  }
}

std::string_view what_was_left_out(Novelty novelty) {
  switch (novelty) {
    case Novelty::kind:
      return "kinds of networks left out";
    case Novelty::source:
      return "sources of data left out";
    case Novelty::both:
      return "kinds and sources left out";
    case Novelty::none:
      break;
  }
  return "trajectories left out";
}

/// One line for each model without names or baseline, on what was left out.
void print_unseen(const FitResult& result) {
  std::optional<Novelty> novelty;
  for (const UnseenScore& one : result.unseen) {
    if (one.novelty != novelty) {
      novelty = one.novelty;
      fmt::print("\n{:40} {:>10} {:>8} {:>8} {:>8}\n",
                 what_was_left_out(one.novelty), "rows", "AvgAcc", "log MAE",
                 "factor");
    }
    fmt::print("{:40} {:>10} {:8.3f} {:8.3f} {:8.2f}\n", one.model,
               format_count(one.rows), one.accuracy, one.log_mae,
               one.median_factor);
  }
}

void print_coverage(const FitResult& result) {
  fmt::print("\nwhat {:g} % intervals cover\n", 100 * result.options.level);
  for (const auto& [scheme, groups] : result.coverage) {
    for (const Coverage& coverage : groups) {
      fmt::print("{:28} {:24} {:5.1f} %\n", to_string(scheme), coverage.group,
                 100 * coverage.covered);
    }
  }
}

}  // namespace

void print_inputs(const std::vector<InputSummary>& files) {
  for (const InputSummary& file : files) {
    fmt::print(stderr, "{}: {} rows; {}; {}; {} censored\n", file.path.string(),
               format_count(file.rows), fmt::join(file.families, ", "),
               fmt::join(file.datasets, ", "), format_count(file.censored));
  }
}

void print_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    fmt::print(stderr, "cape_fit: warning: {}\n", warning);
  }
}

void print_result(const FitResult& result) {
  const Inputs& inputs = result.inputs;
  const ComparisonOptions& options = result.options.comparison;
  fmt::print("\n{}\n", what_is_predicted(inputs));
  fmt::print("{} rows of {} trajectories, {} folds by trajectory, seed {}\n",
             format_count(std::ssize(inputs.rows)),
             format_count(static_cast<std::int64_t>(
                 count_trajectories(inputs.table, inputs.rows))),
             options.folds, options.seed);
  print_groups(result.comparison.evaluations.front(), unit_of(inputs),
               {"", "family", "dataset", "optimizer", "learning_rate",
                "batch_size", "epsilon", "samples_from"});
  print_overall(result.comparison);
  print_unseen(result);
  print_coverage(result);
  const std::filesystem::path& directory = result.options.out;
  fmt::print("\nmodel    {}\nmetrics  {}\nreport   {}\n",
             (directory / "model.json").string(),
             (directory / "metrics.json").string(),
             (directory / "report.html").string());
  std::fflush(stdout);
  print_warnings(inputs.warnings);
}

}  // namespace cape::predictor
