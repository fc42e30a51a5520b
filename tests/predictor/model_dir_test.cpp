#include "predictor/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "predictor/folds.h"
#include "predictor/report.h"
#include "predictor/rows.h"

namespace cape {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

FitResult result_of(MetaTable table) {
  const std::vector<RowIndex> rows = all_rows(table);
  auto model = XgboostModel::fit(table, rows, feature_set("paper"), {});
  std::vector<double> predicted = model.predict_steps(table, rows);
  std::vector<Group> groups = group_metrics(table, predicted);
  std::vector<int> folds = assign_folds(table, 2, 42);
  return {.inputs = {{"a<b>.h5", 80, 0, {"cnn", "mlp"}, {"mnist"}}},
          .warnings = {"left alone: c&d.h5"},
          .table = std::move(table),
          .folds = 2,
          .seed = 42,
          .fold_of_row = std::move(folds),
          .settings = {},
          .model = std::move(model),
          .evaluations = {{"kfold", "xgboost_paper", "one model for all rows",
                           std::move(predicted), std::move(groups)}}};
}

std::ptrdiff_t lines(const std::string& text) {
  return std::ranges::count(text, '\n');
}

class ModelDir : public testing::Test {
 protected:
  ModelDir()
      : folder_(std::filesystem::path(testing::TempDir()) /
                fmt::format("model_dir_{}", testing::UnitTest::GetInstance()
                                                ->current_test_info()
                                                ->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ModelDir() override { std::filesystem::remove_all(folder_); }

  const std::filesystem::path folder_;
};

TEST(MetricsJson, IsSchemeThenModelThenGroup) {
  const FitResult result = result_of(sample_table(40));
  const json metrics = json::parse(metrics_json(result));
  const Metrics& expected = result.evaluations[0].groups[0].metrics;
  const json& overall = metrics.at("kfold").at("xgboost_paper").at("overall");
  EXPECT_EQ(overall.at("mae"), expected.mae);
  EXPECT_EQ(overall.at("rmse"), expected.rmse);
  EXPECT_EQ(overall.at("median_ae"), expected.median_ae);
  EXPECT_EQ(overall.at("r2"), expected.r2);
  EXPECT_EQ(overall.at("avg_accuracy"), expected.avg_accuracy);
  EXPECT_EQ(overall.at("rows"), 80);
  const json& groups = metrics["kfold"]["xgboost_paper"];
  EXPECT_EQ(groups.at("family=cnn").at("rows"), 40);
  EXPECT_TRUE(groups.contains("epsilon=0.2"));
}

TEST(MetricsJson, WritesAMissingR2AsNull) {
  MetaTable table = sample_table(10);
  for (MetaRow& row : table.rows) row.t_star = 7;
  const json metrics = json::parse(metrics_json(result_of(std::move(table))));
  EXPECT_TRUE(metrics["kfold"]["xgboost_paper"]["overall"]["r2"].is_null());
}

TEST(MetricsCsv, HasARowAGroupWithTheNumbersOfTheJson) {
  const FitResult result = result_of(sample_table(40));
  const std::string csv = metrics_csv(result);
  const auto groups =
      static_cast<std::ptrdiff_t>(result.evaluations[0].groups.size());
  EXPECT_EQ(lines(csv), 1 + groups);
  EXPECT_THAT(
      csv, HasSubstr(fmt::format("\nkfold,xgboost_paper,overall,{},",
                                 result.evaluations[0].groups[0].metrics.mae)));
}

TEST(PredictionsCsv, HasARowATrialAndQuotesTexts) {
  MetaTable table = sample_table(10);
  shard::Row row = sample_row();
  row.dataset.assign("a,\"b\"");
  table.add(row);
  const std::string csv = predictions_csv(result_of(std::move(table)));
  EXPECT_EQ(lines(csv), 1 + 21);
  EXPECT_THAT(csv,
              HasSubstr("mlp,mlp,\"a,\"\"b\"\"\",0.001,32,0.1,12,1,2,11,"));
}

TEST(CapeJson, NamesFeaturesRangesAndWhereTheRowsCameFrom) {
  const json cape = json::parse(cape_json(result_of(sample_table(40))));
  EXPECT_EQ(cape.at("features"),
            json({"log_p", "log_g2", "log_tau", "log_n", "log_lr", "log_b"}));
  EXPECT_EQ(cape.at("ranges").at("log_n"), json({11.0, 11.0}));
  EXPECT_EQ(cape.at("rows"), 80);
  EXPECT_EQ(cape.at("trajectories"), 40);
  EXPECT_EQ(cape.at("families").at("mlp"), 40);
  EXPECT_EQ(cape.at("inputs").at(0).at("path"), "a<b>.h5");
}

TEST(Report, NeedsNothingFromOutsideAndEscapesTexts) {
  const std::string page = report_html(result_of(sample_table(40)));
  EXPECT_THAT(page, HasSubstr("a&lt;b&gt;.h5"));
  EXPECT_THAT(page, HasSubstr("left alone: c&amp;d.h5"));
  EXPECT_THAT(page, Not(HasSubstr("<b>")));
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
}

TEST(Report, DrawsAPointARow) {
  const std::string page = report_html(result_of(sample_table(40)));
  std::size_t points = 0;
  for (std::size_t at = page.find("h0"); at != std::string::npos;
       at = page.find("h0", at + 1)) {
    ++points;
  }
  EXPECT_EQ(points, 80U);
}

TEST_F(ModelDir, HoldsAllFilesAndAModelThatPredictsTheSame) {
  const FitResult result = result_of(sample_table(40));
  prepare_model_dir(folder_ / "model");
  write_model_dir(folder_ / "model", result);
  for (const char* name :
       {"model.json", "cape.json", "metrics.json", "tables/metrics.csv",
        "tables/predictions.csv", "report.html"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "model" / name)) << name;
  }
  const XgboostModel read = {
      Booster::from_json(read_file(folder_ / "model" / "model.json")),
      feature_set("paper")};
  const auto rows = all_rows(result.table);
  EXPECT_EQ(read.predict_steps(result.table, rows),
            result.model.predict_steps(result.table, rows));
}

TEST_F(ModelDir, IsRefusedWhereAFileIsInTheWay) {
  std::ofstream(folder_ / "taken") << "text";
  try {
    prepare_model_dir(folder_ / "taken");
    FAIL() << "a file was taken for a directory";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr((folder_ / "taken").string()));
    EXPECT_THAT(error.what(), HasSubstr("choose another --out"));
  }
}

}  // namespace
}  // namespace cape
