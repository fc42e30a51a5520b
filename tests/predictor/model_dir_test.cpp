#include "predictor/fit/model_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "predictor/fitted.h"
#include "predictor/report/report.h"
#include "predictor/report/tables.h"
#include "predictor/rows.h"

namespace {

/// False: what NFS and Lustre answer.
bool knows_exchange = true;

}  // namespace

/// The C library's, unless an exchange is not known.
extern "C" int renameat2(int from_dir, const char* from, int to_dir,
                         const char* to, unsigned flags) noexcept {
  if (flags != 0 && !knows_exchange) {
    errno = EINVAL;
    return -1;
  }
  return static_cast<int>(
      ::syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

namespace cape::predictor {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

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
  ~ModelDir() override {
    knows_exchange = true;
    std::filesystem::remove_all(folder_);
  }

  std::ptrdiff_t entries() const {
    return std::distance(std::filesystem::directory_iterator(folder_), {});
  }

  void expect_to_replace(const std::filesystem::path& place) {
    const std::filesystem::path old = folder_ / "model" / "tables" / "old.csv";
    std::filesystem::create_directories(old.parent_path());
    std::ofstream(old) << "text";
    {
      ModelDirectory directory(place);
      directory.write(result_of(sample_table(40)));
      EXPECT_TRUE(std::filesystem::exists(old));
      directory.publish();
    }
    EXPECT_TRUE(std::filesystem::exists(folder_ / "model" / "cape.json"));
    EXPECT_FALSE(std::filesystem::exists(old));
    EXPECT_EQ(entries(), 1);
  }

  static std::string error_message(const std::filesystem::path& place) {
    try {
      const ModelDirectory directory(place);
    } catch (const UserError& error) {
      return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
  }

  const std::filesystem::path folder_;
};

TEST(MetricsJson, IsSchemeThenModelThenGroup) {
  const FitResult result = result_of(sample_table(40));
  const json metrics = json::parse(metrics_json(result));
  const Metrics& expected = result.comparison.evaluations[0].groups[0].metrics;
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

TEST(MetricsTable, HasARowAGroupWithTheNumbersOfTheJson) {
  const FitResult result = result_of(sample_table(40));
  const Table table = metrics_table(result);
  const MetricGroup& overall = result.comparison.evaluations[0].groups[0];
  EXPECT_EQ(table.rows.size(), result.comparison.evaluations[0].groups.size());
  EXPECT_THAT(to_csv(table),
              HasSubstr(fmt::format("\nkfold,xgboost_paper,overall,{},",
                                    overall.metrics.mae)));
  EXPECT_LE(overall.intervals.mae.low, overall.metrics.mae);
  EXPECT_GE(overall.intervals.mae.high, overall.metrics.mae);
}

TEST(PredictionsCsv, HasARowATrialAndQuotesTexts) {
  MetaTable table = sample_table(10);
  shard::Row row = sample_row();
  row.dataset.assign("a,\"b\"");
  table.add(row);
  const std::string csv = predictions_csv(result_of(std::move(table)));
  EXPECT_EQ(lines(csv), 1 + 21);
  EXPECT_THAT(
      csv, HasSubstr("mlp,mlp,\"a,\"\"b\"\"\",adamw,0.001,32,0.1,12,1,2,11,"));
}

TEST(CapeJson, NamesFeaturesRangesAndWhereTheRowsCameFrom) {
  const json cape = json::parse(cape_json(result_of(sample_table(40))));
  EXPECT_EQ(cape.at("features"),
            json({"log_p", "log_g2", "log_tau", "log_n", "log_lr", "log_b"}));
  const json& ranges = cape.at("ranges");
  EXPECT_EQ(ranges.at("overall").at("log_n"), json({11.0, 11.0}));
  EXPECT_EQ(ranges.at("families").at("mlp").at("log_n"), json({11.0, 11.0}));
  EXPECT_EQ(cape.at("rows"), 80);
  EXPECT_EQ(cape.at("trajectories"), 40);
  EXPECT_EQ(cape.at("families").at("mlp"), 40);
  EXPECT_EQ(cape.at("inputs").at(0).at("path"), "a<b>.h5");
}

TEST(CapeJson, HoldsTheBaseAndTheIntervals) {
  const FitResult result = result_of(sample_table(40), "extended");
  const json cape = json::parse(cape_json(result));
  EXPECT_EQ(cape.at("base").at("overall").at("weights").size(),
            cape.at("features").size());
  EXPECT_EQ(cape.at("intervals").at("level"), 0.9);
  EXPECT_EQ(cape.at("intervals").at("kfold").at("families").at("mlp"),
            json({-0.5, 0.25}));
  EXPECT_TRUE(
      json::parse(cape_json(result_of(sample_table(40)))).at("base").is_null());
}

TEST(Explanation, RanksTheFeaturesAndAddsUpToThePredictions) {
  const FitResult result = result_of(sample_table(40), "extended");
  const auto [importance, contributions] = explain(result);
  EXPECT_EQ(importance.rows.front().front(), "log_p");
  ASSERT_EQ(contributions.rows.size(), 80U);
  double sum = 0;
  const std::vector<std::string>& row = contributions.rows[5];
  const auto first = std::ranges::find(contributions.header, "log_p") -
                     contributions.header.begin();
  for (std::size_t i = first; i < row.size(); ++i) sum += std::stod(row[i]);
  EXPECT_NEAR(sum,
              result.predictor.model.predict_log(result.inputs.table,
                                                 std::vector<RowIndex>{5})[0],
              1e-4);
}

TEST(Report, EscapesTexts) {
  const std::string page = report_html(result_of(sample_table(40)), {});
  EXPECT_THAT(page, HasSubstr("a&lt;b&gt;.h5"));
  EXPECT_THAT(page, HasSubstr("left alone: c&amp;d.h5"));
  EXPECT_THAT(page, Not(HasSubstr("c&d.h5")));
}

TEST(Report, KeepsNamesInsideOfItsScripts) {
  MetaTable table = sample_table(40);
  shard::Row row = sample_row("other");
  row.dataset.assign("</script><b>");
  table.add(row);
  const std::string page = report_html(result_of(std::move(table)), {});
  EXPECT_THAT(page, Not(HasSubstr("</script><b>")));
  EXPECT_THAT(page, HasSubstr("\\u003c/script>"));
}

TEST_F(ModelDir, HoldsAllFilesAndAModelThatPredictsTheSame) {
  const FitResult result = result_of(sample_table(40));
  ModelDirectory directory(folder_ / "model");
  directory.write(result);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "model"));
  directory.publish();
  for (const char* name :
       {"model.json", "cape.json", "metrics.json", "tables/metrics.csv",
        "tables/predictions.csv", "tables/contributions.csv",
        "tables/coverage.csv", "report.html"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "model" / name)) << name;
  }
  Booster booster =
      Booster::from_json(read_file(folder_ / "model" / "model.json"));
  const Model read = {.features = feature_set("paper"),
                      .settings = {},
                      .ranges = {},
                      .base = {},
                      .booster = std::move(booster)};
  const auto rows = all_rows(result.inputs.table);
  EXPECT_EQ(read.predict_steps(result.inputs.table, rows),
            result.predictor.model.predict_steps(result.inputs.table, rows));
}

TEST_F(ModelDir, TakesThePlaceOfTheOneBefore) {
  expect_to_replace(folder_ / "model/");
}

TEST_F(ModelDir, TakesItWhereTheFileSystemCannotExchange) {
  knows_exchange = false;
  expect_to_replace(folder_ / "model");
}

TEST_F(ModelDir, GivesTheOneBeforeBackWhenItCannotBeReplaced) {
  knows_exchange = false;
  std::filesystem::create_directories(folder_ / "model");
  std::ofstream(folder_ / "model" / "cape.json") << "old";
  {
    ModelDirectory directory(folder_ / "model");
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ / "model");
    std::ofstream(folder_ / "model" / "cape.json") << "old";
    EXPECT_THROW(directory.publish(), StoppedError);
  }
  EXPECT_EQ(read_file(folder_ / "model" / "cape.json"), "old");
  EXPECT_EQ(entries(), 1);
}

TEST_F(ModelDir, LeavesNothingBehindWhenItIsNotPublished) {
  {
    ModelDirectory directory(folder_ / "model");
    directory.write(result_of(sample_table(40)));
  }
  EXPECT_EQ(entries(), 0);
}

TEST_F(ModelDir, IsRefusedWhereAnythingElseIsInTheWay) {
  std::ofstream(folder_ / "taken") << "text";
  EXPECT_THAT(error_message(folder_ / "taken"),
              testing::AllOf(HasSubstr((folder_ / "taken").string()),
                             HasSubstr("choose another --out")));
  EXPECT_THAT(error_message(folder_ / "taken" / "model"),
              HasSubstr("choose another --out"));
  EXPECT_THAT(error_message(folder_), HasSubstr("it holds taken"));
  EXPECT_EQ(entries(), 1);
  std::filesystem::remove(folder_ / "taken");
  std::filesystem::create_directory(folder_ / "batch_steps");
  std::ofstream(folder_ / "batch_steps" / "model.json.gz") << "compressed";
  EXPECT_THAT(error_message(folder_),
              HasSubstr("it holds batch_steps, which is a model of its own"));
}

}  // namespace
}  // namespace cape::predictor
