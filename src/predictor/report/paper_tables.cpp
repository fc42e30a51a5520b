#include "predictor/report/paper_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "predictor/report/paper_figures.h"

namespace cape::predictor {
namespace {

constexpr double kNotPublished = std::numeric_limits<double>::quiet_NaN();

/// A method of the paper and our models of it. The first one is printed beside
/// the paper's figures.
struct Method {
  std::string_view name;
  std::vector<std::string_view> models;
};

std::vector<Method> methods(const Comparison& comparison) {
  const bool by_family =
      comparison.find(SchemeName::kfold, "xgboost_paper_by_family") != nullptr;
  return {
      {"NTKL",
       {"ntkl_calibrated", "ntkl", "ntkl_unclipped",
        "ntkl_unclipped_calibrated"}},
      {"SL", {"sl_calibrated", "sl"}},
      {"LCE",
       {"lce_calibrated", "lce", "lce_own_run", "lce_own_run_calibrated"}},
      {"CAPE",
       by_family
           ? std::vector<std::string_view>{"xgboost_paper_by_family_calibrated",
                                           "xgboost_paper_by_family"}
           : std::vector<std::string_view>{"xgboost_paper_calibrated",
                                           "xgboost_paper"}},
      {"ours", {"xgboost_extended", "blend_extended", "floor"}}};
}

const Metrics* metrics_of(const Evaluation* evaluation,
                          const std::string& group) {
  if (evaluation == nullptr) return nullptr;
  const auto found =
      std::ranges::find(evaluation->groups, group, &MetricGroup::name);
  return found == evaluation->groups.end() ? nullptr : &found->metrics;
}

/// Notes in `table` that the input has no rows of something.
void note_absence(std::string_view name, Table& table) {
  table.notes.push_back(
      fmt::format("{}: not available, the input has no rows of it", name));
}

/// The names in the input's rows, and those of the paper.
std::vector<std::string> names_of(std::map<std::string, std::int64_t> counts,
                                  std::span<const std::string_view> papers,
                                  Table& table) {
  for (const std::string_view paper : papers) {
    if (counts.emplace(paper, 0).second) note_absence(paper, table);
  }
  std::vector<std::string> names;
  names.reserve(counts.size());
  for (const auto& [name, count] : counts) names.push_back(name);
  return names;
}

/// The five metrics of Table 1, from our rows or from the paper.
template <class MetricsOf>
void push_metrics(const MetricsOf& metrics, std::vector<std::string>& row) {
  for (const double value : {metrics.mae, metrics.rmse, metrics.median_ae,
                             metrics.r2, metrics.avg_accuracy}) {
    row.push_back(decimals(value));
  }
}

/// Null if the paper has none.
const paper::Table1Row* papers_row(std::string_view family,
                                   std::string_view method) {
  const auto found = std::ranges::find_if(
      paper::kTable1, [&](const paper::Table1Row& figures) {
        return figures.family == family && figures.method == method;
      });
  return found == paper::kTable1.end() ? nullptr : &*found;
}

Table table1(const Inputs& inputs, const Comparison& comparison) {
  Table table = {
      .name = "table1",
      .title = "Table 1: in corpus",
      .notes =
          {"Ours: k folds by trajectory, the paper's features and settings, a "
           "model for each family. The authors' scripts fit on all rows of the "
           "file and score fresh trials; the rows that calibrate are scored "
           "too (here they are not).",
           "For MLP and Transformer the scripts train with BatchNorm frozen "
           "(MLP: T* about 20 % longer); for CNN they use depth 5, up to 2,000 "
           "trees at rate 0.02 with early stopping, and isotonic calibration "
           "by family and data set on 15 %.",
           "NTKL's k is the mean eigenvalue, which is tau itself; clipping at "
           "1 makes it the constant 1 where tau is large.",
           "LCE: the scripts train a fresh initialization of the same "
           "architecture (CNN: the same weights) for 60 steps; here another "
           "trial of the same architecture and settings stands for it, or the "
           "row's own run (lce_own_run), which mostly holds the answer."},
      .header = {"family", "method", "model", "rows", "mae", "rmse",
                 "median_ae", "r2", "avg_accuracy", "paper_mae", "paper_rmse",
                 "paper_median_ae", "paper_r2", "paper_avg_accuracy"},
      .rows = {}};
  for (const std::string& family :
       names_of(count_by(inputs.table, inputs.rows, &MetaTable::family),
                paper::kFamilies, table)) {
    for (const Method& method : methods(comparison)) {
      for (const std::string_view model : method.models) {
        const Metrics* ours = metrics_of(
            comparison.find(SchemeName::kfold, model), "family=" + family);
        const paper::Table1Row* papers = model == method.models.front()
                                             ? papers_row(family, method.name)
                                             : nullptr;
        if (ours == nullptr && papers == nullptr) continue;
        auto& row = table.rows.emplace_back(std::vector<std::string>{
            family, std::string(method.name), std::string(model)});
        if (ours == nullptr) {
          row.insert(row.end(), 6, kNotAvailable);
        } else {
          row.push_back(std::to_string(ours->rows));
          push_metrics(*ours, row);
        }
        if (papers == nullptr) {
          row.insert(row.end(), 5, "");
        } else {
          push_metrics(*papers, row);
        }
      }
    }
  }
  return table;
}

/// The paper's ablation: by k folds, with a model for each family.
std::vector<MetricGroup> without(const Inputs& inputs, const Scheme& scheme,
                                 std::string_view left_out, Target target,
                                 std::uint64_t seed) {
  FeatureSet features = features_for(inputs, "paper");
  std::erase_if(features.features, [&](const Feature& feature) {
    return left_out.find(feature.name) != std::string_view::npos;
  });
  const BoosterSettings settings = {.trees = 300, .depth = 5, .seed = seed};
  const Fit fit = fit_by_family(fit_boosted_trees(features, settings, target));
  return group_metrics(
      inputs.table,
      cross_validate(inputs.table, inputs.rows, scheme, fit, seed), seed);
}

/// The columns of a table of MAE by data set or family: of a model of log T, of
/// a model of T, and of the paper.
struct Columns {
  std::string group;               ///< "dataset="
  std::vector<std::string> names;  ///< "mnist"
  std::span<const std::string_view> papers;
};

void add_header(const Columns& columns, Table& table) {
  for (const std::string& name : columns.names) {
    for (const char* what : {"", "_fit_to_t", "_paper"}) {
      table.header.push_back(name + what);
    }
  }
}

/// `papers` has the order of Columns::papers.
void push_figures(const Columns& columns, std::span<const MetricGroup> of_logs,
                  std::span<const MetricGroup> of_steps,
                  std::span<const double> papers,
                  std::vector<std::string>& row) {
  for (const std::string& name : columns.names) {
    row.push_back(figure(mae_of(of_logs, columns.group + name)));
    row.push_back(figure(mae_of(of_steps, columns.group + name)));
    const auto place = std::ranges::find(columns.papers, name);
    row.push_back(place == columns.papers.end()
                      ? ""
                      : decimals(papers[static_cast<std::size_t>(
                            place - columns.papers.begin())]));
  }
}

Table table2(const Inputs& inputs, const Comparison& comparison,
             std::uint64_t seed) {
  Table table = {
      .name = "table2",
      .title = "Table 2: without one of the paper's features (MAE)",
      .notes = {"300 trees of depth 5, k folds by trajectory, a model for each "
                "family; the mean over the families at hand.",
                "The paper says that log T is fitted; its script fits T. Both "
                "are here.",
                "The paper's row \"log N\" leaves log eta out as well, in its "
                "script: both rows are here."},
      .header = {"without"},
      .rows = {}};
  const Columns columns = {.group = "dataset=",
                           .names = names_of(count_by(inputs.table, inputs.rows,
                                                      &MetaTable::dataset),
                                             paper::kTable2Datasets, table),
                           .papers = paper::kTable2Datasets};
  add_header(columns, table);
  std::vector<paper::Table2Row> wanted(paper::kTable2.begin(),
                                       paper::kTable2.end());
  wanted.push_back(
      {"log_n", {kNotPublished, kNotPublished, kNotPublished, kNotPublished}});
  for (const paper::Table2Row& figures : wanted) {
    const auto logs = without(inputs, comparison.kfold(), figures.without,
                              Target::log_steps, seed);
    const auto steps = without(inputs, comparison.kfold(), figures.without,
                               Target::steps, seed);
    auto& row = table.rows.emplace_back();
    row.emplace_back(figures.without.empty() ? "(all features)"
                                             : figures.without);
    push_figures(columns, logs, steps, figures.mae, row);
  }
  return table;
}

/// The rows of the paper's Table 3 for which there are no rows of ours.
void add_missing_methods(Table& table) {
  std::set<std::string_view> datasets;
  for (const auto& row : table.rows) datasets.insert(row[1]);
  std::set<std::string_view> absent;
  std::vector<std::vector<std::string>> missing;
  for (const paper::Table3Row& figures : paper::kTable3) {
    if (!datasets.contains(figures.dataset)) absent.insert(figures.dataset);
    const bool has_row = std::ranges::any_of(table.rows, [&](const auto& row) {
      return row[1] == figures.dataset && row[2] == figures.method &&
             !row[7].empty();  // paper_mae
    });
    if (has_row) continue;
    missing.push_back(
        {to_string(SchemeName::test), std::string(figures.dataset),
         std::string(figures.method), "", "", kNotAvailable, kNotAvailable,
         decimals(figures.mae), decimals(figures.avg_accuracy)});
  }
  std::ranges::move(missing, std::back_inserter(table.rows));
  for (const std::string_view dataset : absent) note_absence(dataset, table);
}

Table table3(const Comparison& comparison) {
  Table table = {
      .name = "table3",
      .title = "Table 3: data sets that the model has not seen",
      .notes = {"Rows of IMDB and SVHN given with --test are scored by a model "
                "of all other rows; under leave_one_dataset_out each data set "
                "of the input takes its turn.",
                "The authors' scripts train with BatchNorm frozen here. For "
                "IMDB their RNN and Transformer embed token ids and their MLP "
                "has 8,192 dimensions; ours follows the paper's text."},
      .header = {"scheme", "dataset", "method", "model", "rows", "mae",
                 "avg_accuracy", "paper_mae", "paper_avg_accuracy"},
      .rows = {}};
  for (const SchemeName scheme :
       {SchemeName::test, SchemeName::leave_one_dataset_out}) {
    for (const Method& method : methods(comparison)) {
      for (const std::string_view model : method.models) {
        const Evaluation* evaluation = comparison.find(scheme, model);
        if (evaluation == nullptr) continue;
        for (const MetricGroup& group : evaluation->groups) {
          if (group.column != "dataset") continue;
          const auto paper =
              std::ranges::find_if(paper::kTable3, [&](const auto& figures) {
                return figures.dataset == group.value &&
                       figures.method == method.name &&
                       model == method.models.front();
              });
          const bool known = paper != paper::kTable3.end();
          table.rows.push_back({to_string(scheme), group.value,
                                std::string(method.name), std::string(model),
                                std::to_string(group.metrics.rows),
                                decimals(group.metrics.mae),
                                decimals(group.metrics.avg_accuracy),
                                known ? decimals(paper->mae) : "",
                                known ? decimals(paper->avg_accuracy) : ""});
        }
      }
    }
  }
  add_missing_methods(table);
  return table;
}

Table table4(const Inputs& inputs, const Comparison& comparison,
             std::uint64_t seed) {
  Table table = {
      .name = "table4",
      .title = "Table 4: regressors on the paper's features (MAE)",
      .notes = {"k folds by trajectory, a model for each family. The paper "
                "says that log T is fitted; its script fits T. Both are here.",
                "The paper's figure for Transformers (8.71) does not come out "
                "of the published file (about 5.0)."},
      .header = {"regressor"},
      .rows = {}};
  const Columns columns = {
      .group = "family=",
      .names = names_of(count_by(inputs.table, inputs.rows, &MetaTable::family),
                        paper::kFamilies, table),
      .papers = paper::kFamilies};
  add_header(columns, table);
  const FeatureSet features = features_for(inputs, "paper");
  const auto logs = paper_regressors(features, seed, Target::log_steps);
  const auto steps = paper_regressors(features, seed, Target::steps);
  const auto groups_of = [&](const Regressor& regressor) {
    return group_metrics(
        inputs.table,
        cross_validate(inputs.table, inputs.rows, comparison.kfold(),
                       fit_by_family(regressor.fit), seed),
        seed);
  };
  for (std::size_t i = 0; i < paper::kTable4.size(); ++i) {
    const paper::Table4Row& figures = paper::kTable4[i];
    const auto of_logs = groups_of(logs[i]);
    const auto of_steps = groups_of(steps[i]);
    auto& row = table.rows.emplace_back();
    row.emplace_back(figures.regressor);
    push_figures(columns, of_logs, of_steps, figures.mae, row);
  }
  return table;
}

Table figure1(const Comparison& comparison) {
  Table table = {
      .name = "figure1",
      .title = "Figure 1: MAE by architecture, learning rate and batch size",
      .notes = {"The paper prints this as bars, without figures."},
      .header = {"column", "value", "method", "model", "rows", "mae"},
      .rows = {}};
  for (const Method& method : methods(comparison)) {
    const std::string_view model = method.models.front();
    const Evaluation* evaluation = comparison.find(SchemeName::kfold, model);
    if (method.name == "ours") continue;
    if (evaluation == nullptr) {
      table.notes.push_back(fmt::format(
          "{}: not available, see tables/unavailable.csv", method.name));
      continue;
    }
    for (const MetricGroup& group : evaluation->groups) {
      if (group.column != "family" && group.column != "learning_rate" &&
          group.column != "batch_size") {
        continue;
      }
      table.rows.push_back({group.column, group.value, std::string(method.name),
                            std::string(model),
                            std::to_string(group.metrics.rows),
                            decimals(group.metrics.mae)});
    }
  }
  return table;
}

}  // namespace

std::vector<Table> paper_tables(const Inputs& inputs,
                                const Comparison& comparison,
                                std::uint64_t seed) {
  return {table1(inputs, comparison), table2(inputs, comparison, seed),
          table3(comparison), table4(inputs, comparison, seed),
          figure1(comparison)};
}

}  // namespace cape::predictor
