#include "predictor/summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <string_view>

#include "core/units.h"

namespace cape {
namespace {

/// The groups of the columns in `columns`, a line each.
void print_groups(const Evaluation& evaluation,
                  std::initializer_list<std::string_view> columns) {
  fmt::print("\n{} ({}), errors in steps\n", evaluation.model,
             evaluation.description);
  fmt::print("{:24} {:>10} {:>8} {:>8} {:>8} {:>7} {:>8}\n", "", "rows", "MAE",
             "RMSE", "MedianAE", "R2", "AvgAcc");
  for (const Group& group : evaluation.groups) {
    if (std::ranges::find(columns, group.column) == columns.end()) continue;
    const Metrics& m = group.metrics;
    fmt::print("{:24} {:>10} {:8.2f} {:8.2f} {:8.2f} {:7.3f} {:8.3f}\n",
               group.name(), format_count(m.rows), m.mae, m.rmse, m.median_ae,
               m.r2, m.avg_accuracy);
  }
}

void print_evaluations(const std::vector<Evaluation>& evaluations) {
  print_groups(evaluations.front(), {"", "family", "dataset", "learning_rate",
                                     "batch_size", "epsilon"});
  // The rest is in the report.
  for (std::size_t i = 1; i < evaluations.size(); ++i) {
    print_groups(evaluations[i], {"", "family"});
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

void print_result(const FitResult& result,
                  const std::filesystem::path& directory) {
  fmt::print(
      "{} rows of {} trajectories, {} folds by trajectory, seed {}\n",
      format_count(static_cast<std::int64_t>(result.table.rows.size())),
      format_count(static_cast<std::int64_t>(count_trajectories(result.table))),
      result.folds, result.seed);
  print_evaluations(result.evaluations);
  fmt::print("\nmodel    {}\nmetrics  {}\nreport   {}\n",
             (directory / "model.json").string(),
             (directory / "metrics.json").string(),
             (directory / "report.html").string());
  std::fflush(stdout);
  print_warnings(result.warnings);
}

}  // namespace cape
