#include "predictor/report/tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>

namespace cape::predictor {
namespace {

/// Contributions take long to compute, so of many rows only every n-th is
/// explained.
constexpr std::size_t kExplainedRows = 10'000;

std::vector<RowIndex> explained_rows(const FitResult& result) {
  const std::vector<RowIndex>& rows = result.inputs.rows;
  const std::size_t stride = (rows.size() - 1) / kExplainedRows + 1;
  std::vector<RowIndex> explained;
  for (std::size_t i = 0; i < rows.size(); i += stride) {
    explained.push_back(rows[i]);
  }
  return explained;
}

std::vector<std::string> identity_of(const MetaTable& table,
                                     const MetaRow& row) {
  return {table.trajectories.text(row.trajectory),
          table.family(row),
          table.architecture(row),
          table.dataset(row),
          table.optimizer(row),
          exact(row.learning_rate),
          std::to_string(row.batch_size),
          exact(row.epsilon)};
}

const std::vector<std::string> kIdentity = {
    "trajectory", "family",        "architecture", "dataset",
    "optimizer",  "learning_rate", "batch_size",   "epsilon"};

std::string exact_float(float value) {
  return std::isfinite(value) ? fmt::to_string(value) : "";
}

Table contributions_table(const FitResult& result,
                          const std::vector<RowIndex>& rows,
                          const Matrix& shares) {
  const MetaTable& table = result.inputs.table;
  Table made = {.name = "contributions",
                .title = "What each feature adds to log T*",
                .notes = {},
                .header = kIdentity,
                .rows = {}};
  std::ranges::copy(result.predictor.model.features.names(),
                    std::back_inserter(made.header));
  made.header.emplace_back("constant");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::string> fields = identity_of(table, table.rows[rows[i]]);
    for (std::size_t j = 0; j < shares.columns; ++j) {
      fields.push_back(exact_float(shares.at(i, j)));
    }
    made.rows.push_back(std::move(fields));
  }
  return made;
}

Table importance(const FitResult& result, const Matrix& shares) {
  Table made = {
      .name = "importance",
      .title = "What the model looks at",
      .notes = {"The mean absolute contribution to log T* (of the trees "
                "SHAP, the base's part included; of perceptrons "
                "integrated gradients), and the total gain of the "
                "splits in the trees."},
      .header = {"feature", "mean_contribution", "total_gain"},
      .rows = {}};
  const std::vector<std::string> names =
      result.predictor.model.features.names();
  std::map<std::string, double> gains =
      result.predictor.model.booster.total_gain();
  std::vector<std::pair<double, std::string>> order;
  for (std::size_t j = 0; j < names.size(); ++j) {
    double sum = 0;
    for (std::size_t i = 0; i < shares.rows; ++i) {
      sum += std::abs(shares.at(i, j));
    }
    order.emplace_back(-sum / static_cast<double>(shares.rows), names[j]);
  }
  std::ranges::sort(order);
  for (const auto& [minus_share, name] : order) {
    made.rows.push_back(
        {name, decimals(-minus_share, 4), decimals(gains[name], 1)});
  }
  return made;
}

/// Of one of the models that know nothing by name.
Table left_out_table(std::string name, std::string title,
                     const GeneralModel& model) {
  Table made = {
      .name = std::move(name),
      .title = std::move(title),
      .notes =
          {"By what was left out of the fit in turn: nothing but the rows' "
           "own trajectories, kinds of networks, sources of data, or both. "
           "Of the rows that converged; intervals also of the others, which "
           "are covered where the upper end is beyond the steps that they "
           "ran. brier and auc judge the probability of converging."},
      .header = {"left_out", "kinds", "sources", "rows", "avg_accuracy",
                 "median_factor", "median_log_error", "covered",
                 "interval_ratio", "brier", "auc"},
      .rows = {}};
  for (const auto& [novelty, one] : model.errors) {
    made.rows.push_back(
        {std::string(to_string(novelty)), std::to_string(one.kinds),
         std::to_string(one.sources), std::to_string(one.rows),
         decimals(one.accuracy, 3), decimals(one.median_factor, 3),
         decimals(one.median_log_error, 3), decimals(one.covered, 3),
         one.offsets ? decimals(one.ratio) : "not calibrated",
         decimals(one.brier, 3), decimals(one.auc, 3)});
  }
  return made;
}

}  // namespace

Table metrics_table(const FitResult& result) {
  Table made = {
      .name = "metrics",
      .title = "All metrics",
      .notes = {"95 % intervals by bootstrap over trajectories."},
      .header = {"scheme", "model", "group", "mae", "mae_low", "mae_high",
                 "rmse", "rmse_low", "rmse_high", "median_ae", "r2", "r2_low",
                 "r2_high", "avg_accuracy", "avg_accuracy_low",
                 "avg_accuracy_high", "rows"},
      .rows = {}};
  for (const Evaluation& evaluation : result.comparison.evaluations) {
    for (const MetricGroup& group : evaluation.groups) {
      const Metrics& m = group.metrics;
      const MetricIntervals& i = group.intervals;
      auto& row = made.rows.emplace_back(std::vector<std::string>{
          to_string(evaluation.scheme), evaluation.model, group.name()});
      for (const double value :
           {m.mae, i.mae.low, i.mae.high, m.rmse, i.rmse.low, i.rmse.high,
            m.median_ae, m.r2, i.r2.low, i.r2.high, m.avg_accuracy,
            i.avg_accuracy.low, i.avg_accuracy.high}) {
        row.push_back(exact(value));
      }
      row.push_back(std::to_string(m.rows));
    }
  }
  return made;
}

Table coverage_table(const FitResult& result) {
  Table made = {
      .name = "coverage",
      .title = "What intervals cover",
      .notes = {fmt::format(
          "The share of rows inside of {:g} % intervals, before rounding. The "
          "intervals of a part come from the other parts, those of test rows "
          "are the predictor's; width is the upper end over the lower end.",
          100 * result.options.level)},
      .header = {"scheme", "group", "rows", "covered", "width"},
      .rows = {}};
  for (const auto& [scheme, groups] : result.coverage) {
    for (const Coverage& coverage : groups) {
      made.rows.push_back({to_string(scheme), coverage.group,
                           std::to_string(coverage.rows),
                           exact(coverage.covered), exact(coverage.width)});
    }
  }
  return made;
}

Table unavailable_table(const FitResult& result) {
  Table made = {.name = "unavailable",
                .title = "Not available",
                .notes = {},
                .header = {"scheme", "model", "reason"},
                .rows = {}};
  for (const Unavailable& one : result.comparison.unavailable) {
    made.rows.push_back({to_string(one.scheme),
                         one.model.empty() ? "all" : one.model, one.reason});
  }
  return made;
}

Table general_table(const FitResult& result) {
  return left_out_table("general",
                        "The general model on what it was not fitted on",
                        *result.predictor.general);
}

Table first_steps_table(std::size_t steps, const FirstStepsFit& fitted) {
  Table made = left_out_table(
      fmt::format("first_steps_{}", steps),
      fmt::format(
          "The model that knows the first {0} steps, on what it was not "
          "fitted on (rows of more than {0} steps)",
          steps),
      fitted.model);
  made.notes.emplace_back(
      "avg_accuracy_without and median_factor_without are the general model's "
      "on the same rows.");
  made.header.insert(made.header.end(),
                     {"avg_accuracy_without", "median_factor_without"});
  std::size_t line = 0;
  for (const auto& [novelty, errors] : fitted.model.errors) {
    const auto& [accuracy, factor, log_error] = fitted.without.at(novelty);
    made.rows[line].push_back(decimals(accuracy, 3));
    made.rows[line].push_back(decimals(factor, 3));
    ++line;
  }
  return made;
}

Table unseen_table(const FitResult& result) {
  Table made = {
      .name = "unseen",
      .title = "What was left out, by the general model and others",
      .notes = {"Rows that converged; intervals hold 95 % of 500 "
                "samples of the groups that are new, with "
                "replacement."},
      .header = {"new", "model", "rows", "avg_accuracy", "avg_accuracy_low",
                 "avg_accuracy_high", "log_mae", "log_mae_low", "log_mae_high",
                 "median_factor", "median_log_error", "log_r",
                 "log_r_of_epochs", "description"},
      .rows = {}};
  for (const UnseenScore& one : result.unseen) {
    made.rows.push_back(
        {to_string(one.novelty), one.model, std::to_string(one.rows),
         decimals(one.accuracy, 3), decimals(one.accuracy_interval.low, 3),
         decimals(one.accuracy_interval.high, 3), decimals(one.log_mae, 3),
         decimals(one.log_mae_interval.low, 3),
         decimals(one.log_mae_interval.high, 3), decimals(one.median_factor),
         decimals(one.median_log_error), decimals(one.log_correlation, 3),
         decimals(one.epoch_correlation, 3), one.description});
  }
  return made;
}

std::string predictions_csv(const FitResult& result) {
  const MetaTable& table = result.inputs.table;
  const std::vector<RowIndex>& rows = result.inputs.rows;
  const Matrix x = feature_matrix(table, rows, result.predictor.model.features);
  const std::vector<double> fitted =
      result.predictor.model.predict_steps(table, rows);
  std::vector<std::string> header = kIdentity;
  std::ranges::copy(result.predictor.model.features.names(),
                    std::back_inserter(header));
  for (const char* column :
       {"converged", "fold", "t_star", "predicted", "fitted"}) {
    header.emplace_back(column);
  }
  std::string csv = csv_line(header);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MetaRow& row = table.rows[rows[i]];
    std::vector<std::string> fields = identity_of(table, row);
    for (std::size_t j = 0; j < x.columns; ++j) {
      fields.push_back(exact_float(x.at(i, j)));
    }
    fields.emplace_back(row.converged ? "true" : "false");
    fields.push_back(
        std::to_string(result.comparison.kfold().part_of_row[rows[i]]));
    fields.push_back(std::to_string(row.t_star));
    fields.push_back(
        exact(result.comparison.evaluations.front().predicted[rows[i]]));
    fields.push_back(exact(fitted[i]));
    csv += csv_line(fields);
  }
  return csv;
}

Explanation explain(const FitResult& result) {
  std::vector<RowIndex> rows = explained_rows(result);
  Matrix shares =
      result.predictor.model.contributions(result.inputs.table, rows);
  return {importance(result, shares),
          contributions_table(result, rows, shares)};
}

}  // namespace cape::predictor
