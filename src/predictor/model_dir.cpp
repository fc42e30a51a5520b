#include "predictor/model_dir.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "core/version.h"
#include "predictor/report.h"

namespace cape {
namespace {

// Keeps the order in which keys are written: people read these files too.
using Json = nlohmann::ordered_json;

/// Raised when a reader of the previous cape.json would go wrong.
constexpr int kModelSchemaVersion = 1;

Json to_json(const Metrics& metrics) {
  return {{"mae", metrics.mae},
          {"rmse", metrics.rmse},
          {"median_ae", metrics.median_ae},
          {"r2", metrics.r2},  // NaN is written as null
          {"avg_accuracy", metrics.avg_accuracy},
          {"rows", metrics.rows}};
}

Json to_json(const BoosterSettings& settings) {
  return {{"trees", settings.trees},
          {"depth", settings.depth},
          {"learning_rate", settings.learning_rate},
          {"subsample", settings.subsample},
          {"colsample_bytree", settings.colsample_bytree},
          {"lambda", settings.lambda},
          {"alpha", settings.alpha},
          {"seed", settings.seed}};
}

Json ranges_json(const FitResult& result) {
  const FeatureSet& features = result.model.features;
  const auto ranges =
      feature_ranges(result.table, all_rows(result.table), features);
  Json json;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    json[std::string(features.features[i].name)] = {ranges[i].first,
                                                    ranges[i].second};
  }
  return json;
}

Json counts_json(const std::vector<std::pair<std::string, std::int64_t>>& all) {
  Json json = Json::object();
  for (const auto& [name, count] : all) json[name] = count;
  return json;
}

Json inputs_json(const FitResult& result) {
  Json json = Json::array();
  for (const InputSummary& input : result.inputs) {
    json.push_back({{"path", input.path.string()}, {"rows", input.rows}});
  }
  return json;
}

std::string number_or_empty(double value) {
  return std::isnan(value) ? std::string() : fmt::to_string(value);
}

/// RFC 4180: quoted where the text holds a separator.
std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

void prepare_model_dir(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory / "tables", error);
  for (const auto& folder : {directory, directory / "tables"}) {
    const std::string cause = error ? error.message()
                              : ::access(folder.c_str(), W_OK | X_OK) == 0
                                  ? std::string()
                                  : errno_text(errno);
    if (!cause.empty()) {
      fail_user("cannot write to {}: {}; choose another --out", folder.string(),
                cause);
    }
  }
}

std::string metrics_json(const FitResult& result) {
  Json json;
  for (const Evaluation& evaluation : result.evaluations) {
    Json& groups = json[evaluation.scheme][evaluation.model];
    for (const Group& group : evaluation.groups) {
      groups[group.name()] = to_json(group.metrics);
    }
  }
  return json.dump(2) + "\n";
}

std::string metrics_csv(const FitResult& result) {
  std::string csv =
      "scheme,model,group,mae,rmse,median_ae,r2,avg_accuracy,rows\n";
  for (const Evaluation& evaluation : result.evaluations) {
    for (const Group& group : evaluation.groups) {
      const Metrics& m = group.metrics;
      fmt::format_to(std::back_inserter(csv), "{},{},{},{},{},{},{},{},{}\n",
                     evaluation.scheme, evaluation.model,
                     csv_text(group.name()), m.mae, m.rmse, m.median_ae,
                     number_or_empty(m.r2), m.avg_accuracy, m.rows);
    }
  }
  return csv;
}

std::string predictions_csv(const FitResult& result) {
  const MetaTable& table = result.table;
  std::string csv =
      "trajectory,family,architecture,dataset,learning_rate,batch_size,"
      "epsilon";
  for (const Feature& feature : result.model.features.features) {
    fmt::format_to(std::back_inserter(csv), ",{}", feature.name);
  }
  csv += ",converged,fold,t_star,predicted,fitted\n";
  const std::vector<double> fitted =
      result.model.predict_steps(table, all_rows(table));
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const MetaRow& row = table.rows[i];
    fmt::format_to(std::back_inserter(csv), "{},{},{},{},{},{},{}",
                   csv_text(table.trajectories.text(row.trajectory)),
                   csv_text(table.family(row)),
                   csv_text(table.architecture(row)),
                   csv_text(table.dataset(row)), row.learning_rate,
                   row.batch_size, row.epsilon);
    for (const Feature& feature : result.model.features.features) {
      fmt::format_to(std::back_inserter(csv), ",{}", feature.value(row));
    }
    fmt::format_to(std::back_inserter(csv), ",{},{},{},{},{}\n", row.converged,
                   result.fold_of_row[i], row.t_star,
                   result.evaluations.front().predicted[i], fitted[i]);
  }
  return csv;
}

std::string cape_json(const FitResult& result) {
  const MetaTable& table = result.table;
  Json json = {{"schema_version", kModelSchemaVersion},
               {"program", fmt::format("cape_fit {}", kVersion)},
               {"git_commit", kGitCommit},
               {"created", utc_now()},
               {"model", result.evaluations.front().model},
               {"target", "log(t_star)"},
               {"max_steps", kMaxSteps},
               {"feature_set", result.model.features.name},
               {"features", result.model.features.names()},
               {"ranges", ranges_json(result)},
               {"settings", to_json(result.settings)},
               {"folds", result.folds},
               {"seed", result.seed},
               {"rows", table.rows.size()},
               {"trajectories", count_trajectories(table)},
               {"censored", count_censored(table)},
               {"unusable", result.unusable},
               {"families", counts_json(count_by(table, &MetaTable::family))},
               {"datasets", counts_json(count_by(table, &MetaTable::dataset))},
               {"inputs", inputs_json(result)}};
  return json.dump(2) + "\n";
}

void write_model_dir(const std::filesystem::path& directory,
                     const FitResult& result) {
  publish_file(directory / "metrics.json", metrics_json(result));
  publish_file(directory / "tables" / "metrics.csv", metrics_csv(result));
  publish_file(directory / "tables" / "predictions.csv",
               predictions_csv(result));
  publish_file(directory / "report.html", report_html(result));
  publish_file(directory / "cape.json", cape_json(result));
  publish_file(directory / "model.json", result.model.booster.to_json());
}

}  // namespace cape
