#include "predictor/inputs.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "core/error.h"
#include "core/units.h"

namespace cape {
namespace {

struct FileCounts {
  std::int64_t rows = 0;
  std::int64_t censored = 0;
  std::set<std::string> families;
  std::set<std::string> datasets;
};

}  // namespace

MetaTable meta_table(const shard::MergedTable& merged) {
  if (merged.size() == 0) {
    std::string message = "the input has no rows";
    for (const auto& file : merged.report().unreadable) {
      message += "\n  " + file.reason;
    }
    fail_user("{}; give shards that cape_farm wrote or published CSV files",
              message);
  }
  MetaTable table;
  table.rows.reserve(merged.size());
  for (std::size_t i = 0; i < merged.size(); ++i) table.add(merged.row(i));
  return table;
}

std::vector<InputSummary> summarise(const shard::MergedTable& merged) {
  std::map<std::filesystem::path, FileCounts> counts;
  for (std::size_t i = 0; i < merged.size(); ++i) {
    const shard::Row row = merged.row(i);
    FileCounts& file = counts[merged.source(i)];
    ++file.rows;
    file.censored += row.converged ? 0 : 1;
    file.families.insert(row.family.str());
    file.datasets.insert(row.dataset.str());
  }
  std::vector<InputSummary> summaries;
  for (const std::filesystem::path& path : merged.sources()) {
    const FileCounts& file = counts[path];
    summaries.push_back(
        {.path = path,
         .rows = file.rows,
         .censored = file.censored,
         .families = {file.families.begin(), file.families.end()},
         .datasets = {file.datasets.begin(), file.datasets.end()}});
  }
  return summaries;
}

std::vector<std::string> warnings_of(const shard::MergeReport& report) {
  std::vector<std::string> warnings;
  for (const auto& file : report.unreadable) {
    warnings.push_back(fmt::format("left alone: {}", file.reason));
  }
  if (report.duplicates > 0) {
    warnings.push_back(fmt::format("{} duplicate rows were left out",
                                   format_count(report.duplicates)));
  }
  if (!report.conflicts.empty()) {
    warnings.push_back(fmt::format(
        "{} cells have rows that differ (the first key is {}); a fixed rule "
        "picked one row of each",
        report.conflicts.size(), report.conflicts.front()));
  }
  return warnings;
}

}  // namespace cape
