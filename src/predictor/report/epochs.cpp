#include "predictor/report/epochs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/json.h"
#include "core/units.h"

namespace cape::predictor {
namespace {

/// What the authors published for their forest.
struct PublishedErrors {
  EpochScheme scheme;
  double mae, rmse, r;
};

constexpr std::array<PublishedErrors, 3> kPublishedErrors = {
    {{EpochScheme::kfold, 4.63, 8.10, 0.89},
     {EpochScheme::leave_one_dataset_out, 6.85, 10.57, 0.81},
     {EpochScheme::leave_one_model_out, 7.27, 11.04, 0.79}}};

/// Null where they published none.
const PublishedErrors* published_errors(EpochScheme scheme) {
  const auto found =
      std::ranges::find(kPublishedErrors, scheme, &PublishedErrors::scheme);
  return found == kPublishedErrors.end() ? nullptr : &*found;
}

}  // namespace

Table epochs_table(const std::vector<EpochEvaluation>& evaluations) {
  Table table = {
      .name = "epochs",
      .title = "Epochs of whole trainings",
      .notes = {},
      .header = {"scheme", "model", "description", "rows", "mae", "mae_low",
                 "mae_high", "rmse", "rmse_low", "rmse_high", "r"},
      .rows = {}};
  std::optional<EpochScheme> scheme;
  for (const EpochEvaluation& one : evaluations) {
    if (one.scheme != scheme) {
      scheme = one.scheme;
      if (const PublishedErrors* theirs = published_errors(*scheme)) {
        table.rows.push_back({to_string(*scheme), "published",
                              "random_forest as the authors published it", "",
                              exact(theirs->mae), "", "", exact(theirs->rmse),
                              "", "", exact(theirs->r)});
      }
    }
    table.rows.push_back(
        {to_string(one.scheme), one.model, one.description,
         fmt::to_string(one.metrics.rows), exact(one.metrics.mae),
         exact(one.intervals.mae.low), exact(one.intervals.mae.high),
         exact(one.metrics.rmse), exact(one.intervals.rmse.low),
         exact(one.intervals.rmse.high), exact(one.r)});
  }
  return table;
}

std::string epochs_json(const std::vector<EpochEvaluation>& evaluations) {
  nlohmann::ordered_json json;
  for (const EpochEvaluation& one : evaluations) {
    json[to_string(one.scheme)][one.model]["overall"] = {
        {"mae", one.metrics.mae},
        {"rmse", one.metrics.rmse},
        {"r", one.r},  // NaN is written as null
        {"rows", one.metrics.rows}};
  }
  return to_text(json, 2) + "\n";
}

void print_epochs(const std::vector<EpochEvaluation>& evaluations,
                  const std::filesystem::path& out) {
  std::optional<EpochScheme> scheme;
  for (const EpochEvaluation& one : evaluations) {
    if (one.scheme != scheme) {
      scheme = one.scheme;
      fmt::print("\n{:40} {:>10} {:>8} {:>15} {:>8} {:>7}\n",
                 to_string(*scheme), "rows", "MAE", "95 % interval", "RMSE",
                 "r");
      if (const PublishedErrors* theirs = published_errors(*scheme)) {
        fmt::print("{:40} {:>10} {:8.2f} {:>15} {:8.2f} {:7.3f}\n", "published",
                   "", theirs->mae, "", theirs->rmse, theirs->r);
      }
    }
    fmt::print("{:40} {:>10} {:8.2f} {:>15} {:8.2f} {:>7}\n", one.model,
               format_count(one.metrics.rows), one.metrics.mae,
               fmt::format("{:.2f} - {:.2f}", one.intervals.mae.low,
                           one.intervals.mae.high),
               one.metrics.rmse, decimals(one.r, 3));
  }
  fmt::print("\n{:24} random_forest as the authors published it\n",
             "published");
  for (const EpochEvaluation& one : evaluations) {
    if (one.scheme != evaluations.front().scheme) break;
    fmt::print("{:24} {}\n", one.model, one.description);
  }
  fmt::print(
      "\nNo model is kept: it would need a probe that cape_predict does not "
      "take.\n\nmetrics  {}\ntable    {}\n",
      (out / "metrics.json").string(), (out / "tables/epochs.csv").string());
  std::fflush(stdout);
}

}  // namespace cape::predictor
