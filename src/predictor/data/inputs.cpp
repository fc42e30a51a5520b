#include "predictor/data/inputs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glob.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/units.h"
#include "predictor/data/curves.h"
#include "predictor/data/features.h"
#include "predictor/data/folds.h"
#include "shard/compact.h"
#include "shard/csv.h"
#include "shard/merge.h"
#include "trial/target.h"

namespace cape::predictor {
namespace {

/// The number of rows of each criterion, by target.
using Targets = std::map<std::string, std::map<std::string, std::int64_t>>;

/// Adds the rows of `merged`, and their curves, to the table.
void append(const shard::MergedTable& merged, MetaTable& table) {
  if (merged.size() == 0) {
    std::string message = "the input has no rows";
    for (const auto& file : merged.report().unreadable) {
      message += "\n  " + file.reason;
    }
    if (merged.report().filtered > 0) {
      message = fmt::format("none of the {} rows matches all of --where",
                            format_count(merged.report().filtered));
    }
    fail_user("{}; give shards that cape_farm wrote or published CSV files",
              message);
  }
  const std::size_t first = table.rows.size();
  table.rows.reserve(first + merged.size());
  for (std::size_t i = 0; i < merged.size(); ++i) table.add(merged.row(i));
  read_curves(merged, first, table);
}

std::vector<std::string> sorted_names(const MetaTable& table,
                                      const std::set<std::uint32_t>& ids) {
  std::vector<std::string> names;
  names.reserve(ids.size());
  for (const std::uint32_t id : ids) names.push_back(table.names.text(id));
  std::ranges::sort(names);
  return names;
}

std::vector<InputSummary> summarise(const shard::MergedTable& merged,
                                    const MetaTable& table, std::size_t first) {
  struct Names {
    std::set<std::uint32_t> families;
    std::set<std::uint32_t> datasets;
  };
  std::vector<InputSummary> files(merged.sources().size());
  std::vector<Names> names(files.size());
  for (std::size_t i = 0; i < merged.size(); ++i) {
    const MetaRow& row = table.rows[first + i];
    const std::size_t source = merged.source_index(i);
    ++files[source].rows;
    files[source].censored += row.converged ? 0 : 1;
    names[source].families.insert(row.family);
    names[source].datasets.insert(row.dataset);
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i].path = merged.sources()[i];
    files[i].families = sorted_names(table, names[i].families);
    files[i].datasets = sorted_names(table, names[i].datasets);
  }
  return files;
}

void add_warnings(const shard::MergeReport& report,
                  std::vector<std::string>& warnings) {
  for (const auto& file : report.unreadable) {
    warnings.push_back(fmt::format("left alone: {}", file.reason));
  }
  if (!report.unknown_columns.empty()) {
    warnings.push_back(fmt::format(
        "columns of a newer program were skipped: {}; update this one to use "
        "them",
        fmt::join(report.unknown_columns, ", ")));
  }
  if (report.superseded > 0) {
    warnings.push_back(fmt::format(
        "{} rows with an older probe were left out: the same rows are there "
        "with a newer one",
        format_count(report.superseded)));
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
}

/// Refuses, before anything is fitted, a place where no file can be written,
/// and a file that is read: what the export leaves out would be lost.
void check_export(const std::filesystem::path& target,
                  const std::vector<std::filesystem::path>& sources) {
  if (target.empty()) return;
  const std::filesystem::path folder =
      std::filesystem::absolute(target).parent_path();
  if (!std::filesystem::is_directory(folder)) {
    fail_user("{}: there is no folder {}; make it, or name another file",
              target.string(), folder.string());
  }
  if (!std::filesystem::exists(target)) return;
  if (!std::filesystem::is_regular_file(target)) {
    fail_user("{} is no file that can be replaced; name another one",
              target.string());
  }
  for (const std::filesystem::path& source : sources) {
    if (std::filesystem::equivalent(target, source)) {
      fail_user(
          "{}: rows are read from this file, so it cannot be exported to; name "
          "another file",
          target.string());
    }
  }
}

/// Reads `paths` and adds their rows to the table. The merged table, which
/// holds all columns, is freed afterwards.
void read(const std::vector<std::filesystem::path>& paths,
          const std::vector<std::string>& where, const InputOptions* exports,
          Inputs& inputs, Targets* targets = nullptr) {
  const shard::MergedTable merged(expand_patterns(paths),
                                  {where.begin(), where.end()});
  if (exports != nullptr) {
    check_export(exports->export_csv, merged.sources());
    check_export(exports->export_shard, merged.sources());
    if (!exports->export_csv.empty() &&
        std::filesystem::weakly_canonical(exports->export_csv) ==
            std::filesystem::weakly_canonical(exports->export_shard)) {
      fail_user("{} cannot be both the CSV file and the shard; name two files",
                exports->export_csv.string());
    }
  }
  const std::size_t first = inputs.table.rows.size();
  append(merged, inputs.table);
  std::ranges::move(summarise(merged, inputs.table, first),
                    std::back_inserter(inputs.files));
  add_warnings(merged.report(), inputs.warnings);
  if (targets != nullptr) {
    for (std::size_t i = 0; i < merged.size(); ++i) {
      const shard::Row row = merged.row(i);
      ++(*targets)[row.target.str()][row.criterion.str()];
    }
  }
  if (exports == nullptr) return;
  for (const std::string& condition : merged.report().idle_filters) {
    fail_user(
        "--where {}: it leaves nothing out, since no row of the input has this "
        "value; check the spelling",
        condition);
  }
  inputs.measurements = sample_measurements(merged, inputs.table, first);
  if (!exports->export_csv.empty()) {
    shard::export_csv(merged, exports->export_csv);
  }
  if (!exports->export_shard.empty()) {
    shard::export_shard(merged, exports->export_shard);
  }
}

/// Rows of several targets are never fitted together.
void check_targets(const Targets& targets) {
  if (targets.size() < 2) return;
  std::string list;
  for (const auto& [target, criteria] : targets) {
    std::int64_t rows = 0;
    for (const auto& [criterion, count] : criteria) rows += count;
    list += fmt::format("\n  {} rows: --where target={}", format_count(rows),
                        target);
  }
  fail_user(
      "the rows are of different targets, which count different things and "
      "are never fitted together; pick one:{}",
      list);
}

/// "max_steps=5000" and the other words of `settings`, one by one.
std::vector<std::string> words_of(const std::string& settings) {
  std::vector<std::string> words;
  std::istringstream stream(settings);
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

/// The settings of the rows to fit, which must be the same for all.
std::string only_settings(const MetaTable& table, std::size_t rows) {
  std::map<std::string, std::int64_t> counts;
  for (RowIndex i = 0; i < rows; ++i) ++counts[table.settings(table.rows[i])];
  if (counts.size() == 1) return counts.begin()->first;
  std::map<std::string, std::size_t> groups_with;
  for (const auto& [settings, count] : counts) {
    for (const std::string& word : words_of(settings)) ++groups_with[word];
  }
  std::string list;
  for (const auto& [settings, count] : counts) {
    list += fmt::format("\n  {} rows: ", format_count(count));
    for (const std::string& word : words_of(settings)) {
      if (groups_with[word] < counts.size()) list += "--where " + word + " ";
    }
    list.pop_back();
  }
  fail_user(
      "the rows were trained with different settings, and steps of one cannot "
      "be fitted together with steps of another; pick one group:{}",
      list);
}

/// Splits the usable rows into those to fit, those to test, and those of the
/// general model.
void divide(std::size_t first_test, std::size_t first_general, Inputs& inputs) {
  const MetaTable& table = inputs.table;
  std::vector<bool> fitted(table.trajectories.size());
  std::int64_t seen = 0;
  std::int64_t other_settings = 0;
  for (RowIndex i = 0; i < table.rows.size(); ++i) {
    const MetaRow& row = table.rows[i];
    if (!is_usable(row)) {
      ++inputs.unusable;
    } else if (i < first_test) {
      fitted[row.trajectory] = true;
      inputs.rows.push_back(i);
    } else if (table.settings(row) != inputs.settings) {
      ++other_settings;
    } else if (i >= first_general) {
      inputs.general_rows.push_back(i);
    } else if (fitted[row.trajectory]) {
      ++seen;
    } else {
      inputs.test_rows.push_back(i);
    }
  }
  if (inputs.unusable > 0) {
    inputs.warnings.push_back(fmt::format(
        "{} rows were left out: a feature is not finite, t_star is below 1 or "
        "epsilon not between 0 and 1",
        format_count(inputs.unusable)));
  }
  if (other_settings > 0) {
    inputs.warnings.push_back(fmt::format(
        "{} rows to test or for the general model were left out: they were "
        "trained with other settings than those fitted on ({})",
        format_count(other_settings), inputs.settings));
  }
  if (seen > 0) {
    inputs.warnings.push_back(
        fmt::format("{} rows to test were left out: their trajectories are "
                    "among those fitted on",
                    format_count(seen)));
  }
}

void refuse_unusable(const Inputs& inputs, std::size_t first_test,
                     std::size_t first_general) {
  if (inputs.rows.empty()) {
    fail_user(
        "none of the {} rows can be fitted on: each has a feature that is not "
        "finite, a t_star below 1 or an epsilon not between 0 and 1; what they "
        "hold shows with --export-csv",
        first_test);
  }
  if (first_test < first_general && inputs.test_rows.empty()) {
    fail_user(
        "none of the {} rows to test can be scored: their trajectories are "
        "fitted on, or they are not usable; name other files behind --test",
        first_general - first_test);
  }
}

void refuse_small_families(const Inputs& inputs) {
  std::map<std::string, std::vector<RowIndex>> families;
  for (const RowIndex row : inputs.rows) {
    families[inputs.table.family(inputs.table.rows[row])].push_back(row);
  }
  for (const auto& [family, rows] : families) {
    const std::size_t trajectories = count_trajectories(inputs.table, rows);
    if (trajectories >= kFewestTrajectories) continue;
    fail_user(
        "{} trajectories of family {} ({} rows) are too few to fit and "
        "evaluate on, {} are the least; measure more (grid.trials), or leave "
        "the family out",
        trajectories, family, rows.size(), kFewestTrajectories);
  }
}

/// Says how many rows to fit lack a feature that only their probe could give.
void report_missing_features(Inputs& inputs) {
  // Rows of one older program lack all that later ones measure.
  std::map<std::ptrdiff_t, std::vector<std::string_view>> by_count;
  for (const Feature& feature :
       feature_set(default_features(inputs)).features) {
    if (!feature.from_probe) continue;
    const auto count = std::ranges::count_if(inputs.rows, [&](RowIndex row) {
      return !std::isfinite(feature.value(inputs.table.rows[row]));
    });
    if (count > 0) by_count[count].push_back(feature.name);
  }
  if (by_count.empty()) return;
  std::vector<std::string> lacking;
  for (auto& [count, names] : by_count) {
    constexpr std::size_t kNamed = 3;
    std::string others;
    if (names.size() > kNamed + 1) {
      others = fmt::format(" and {} more", names.size() - kNamed);
      names.resize(kNamed);
    }
    lacking.push_back(fmt::format("{}{} ({} rows)", fmt::join(names, ", "),
                                  others, format_count(count)));
  }
  inputs.warnings.push_back(fmt::format(
      "features that rows lack, which count as missing there: {}; cape_farm "
      "--refresh-probes measures those of rows with an older probe",
      fmt::join(lacking, ", ")));
}

/// Reads the rows to test and those of the general model, and divides all rows.
void prepare(const InputOptions& options, Inputs& inputs) {
  const std::size_t first_test = inputs.table.rows.size();
  inputs.settings = only_settings(inputs.table, first_test);
  if (!options.test.empty()) read(options.test, options.where, nullptr, inputs);
  const std::size_t first_general = inputs.table.rows.size();
  if (!options.general.empty()) {
    read(options.general, options.where, nullptr, inputs);
  }
  if (!options.sources.empty()) inputs.sources = Sources::read(options.sources);
  divide(first_test, first_general, inputs);
  refuse_unusable(inputs, first_test, first_general);
  refuse_small_families(inputs);
  report_missing_features(inputs);
}

}  // namespace

std::vector<RowIndex> rows_with_more(const Inputs& inputs) {
  constexpr std::uint64_t kSeed = 42;
  std::vector<RowIndex> others;
  std::ranges::copy_if(
      inputs.general_rows, std::back_inserter(others),
      [&](RowIndex row) { return inputs.table.rows[row].converged; });
  std::vector<RowIndex> rows = inputs.rows;
  if (others.empty()) return rows;
  const double share = std::min(1.0, static_cast<double>(rows.size()) /
                                         static_cast<double>(others.size()));
  const std::vector<bool> drawn =
      draw_trajectories(inputs.table, others, share, kSeed);
  for (std::size_t i = 0; i < others.size(); ++i) {
    if (drawn[i]) rows.push_back(others[i]);
  }
  return rows;
}

bool counts_epochs(const Inputs& inputs) {
  return inputs.table.rows.front().counts_epochs;
}

std::string_view unit_of(const Inputs& inputs) {
  return counts_epochs(inputs) ? "epochs" : "steps";
}

std::string default_features(const Inputs& inputs) {
  return inputs.whole_trainings ? "general" : "extended";
}

std::string_view what_is_predicted(const Inputs& inputs) {
  if (!inputs.whole_trainings) {
    return "T* is the number of optimizer steps until the loss on one fixed "
           "batch has fallen to epsilon times its initial value. It is not the "
           "length of a whole training.";
  }
  if (counts_epochs(inputs)) {
    return "What is predicted is the best epoch of a whole training: the last "
           "one that improved the validation loss by more than min_delta. "
           "Early "
           "stopping ends the training a patience later.";
  }
  return "What is predicted is the number of optimizer steps of a whole "
         "training until its training loss has fallen to epsilon times its "
         "initial value.";
}

std::vector<std::filesystem::path> expand_patterns(
    std::span<const std::filesystem::path> paths) {
  std::vector<std::filesystem::path> expanded;
  for (const std::filesystem::path& path : paths) {
    if (std::filesystem::exists(path) ||
        path.string().find_first_of("*?[") == std::string::npos) {
      expanded.push_back(path);
      continue;
    }
    glob_t found = {};
    const int status = ::glob(path.c_str(), 0, nullptr, &found);
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      expanded.emplace_back(found.gl_pathv[i]);
    }
    ::globfree(&found);
    if (status != 0) {
      fail_user("{}: no file matches this pattern; look at it with ls",
                path.string());
    }
  }
  return expanded;
}

std::vector<Inputs> read_inputs(const InputOptions& options) {
  Inputs inputs;
  Targets targets;
  read(options.inputs, options.where, &options, inputs, &targets);
  check_targets(targets);
  const auto& [target, criteria] = *targets.begin();
  const bool whole_trainings = target == trial::FullTraining::kName;
  std::vector<Inputs> all;
  if (criteria.size() == 1) {
    inputs.whole_trainings = whole_trainings;
    inputs.criterion = criteria.begin()->first;
    prepare(options, inputs);
    all.push_back(std::move(inputs));
    return all;
  }
  // What is measured until an epsilon and until training stops is another
  // number: each is read alone, so that nothing can mix them.
  for (const auto& [criterion, count] : criteria) {
    InputOptions one = options;
    one.where.push_back("criterion=" + criterion);
    one.export_csv.clear();
    one.export_shard.clear();
    Inputs& its = all.emplace_back();
    its.whole_trainings = whole_trainings;
    its.criterion = criterion;
    try {
      read(one.inputs, one.where, &one, its);
      prepare(one, its);
    } catch (const UserError& error) {
      fail_user("rows of the criterion {}: {}", criterion, error.what());
    }
    its.files = inputs.files;
    for (std::string& warning : its.warnings) {
      warning = fmt::format("{}: {}", criterion, warning);
    }
  }
  return all;
}

Inputs export_inputs(const InputOptions& options) {
  Inputs inputs;
  read(options.inputs, options.where, &options, inputs);
  return inputs;
}

}  // namespace cape::predictor
