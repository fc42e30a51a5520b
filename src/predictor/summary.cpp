#include "predictor/summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "core/units.h"

namespace cape {
namespace {

void print_evaluation(const Evaluation& evaluation) {
  std::size_t width = 0;
  for (const Group& group : evaluation.groups) {
    width = std::max(width, group.name().size());
  }
  fmt::print("\n{} ({}), errors in steps\n", evaluation.model,
             evaluation.description);
  fmt::print("{:{}} {:>10} {:>8} {:>8} {:>8} {:>7} {:>8}\n", "", width, "rows",
             "MAE", "RMSE", "MedianAE", "R2", "AvgAcc");
  std::string_view column;
  for (const Group& group : evaluation.groups) {
    const Metrics& m = group.metrics;
    if (group.column != column) fmt::print("\n");
    column = group.column;
    fmt::print("{:{}} {:>10} {:8.2f} {:8.2f} {:8.2f} {:7.3f} {:8.3f}\n",
               group.name(), width, format_count(m.rows), m.mae, m.rmse,
               m.median_ae, m.r2, m.avg_accuracy);
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
  for (const Evaluation& evaluation : result.evaluations) {
    print_evaluation(evaluation);
  }
  fmt::print("\nmodel    {}\nmetrics  {}\nreport   {}\n",
             (directory / "model.json").string(),
             (directory / "metrics.json").string(),
             (directory / "report.html").string());
  std::fflush(stdout);
  print_warnings(result.warnings);
}

}  // namespace cape
