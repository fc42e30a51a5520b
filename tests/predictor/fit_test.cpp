#include "predictor/fit/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "predictor/artifact/predictor.h"
#include "predictor/evaluation/conformal.h"
#include "predictor/fit_folder.h"
#include "predictor/rows.h"
#include "shard/reader.h"
#include "shard/writer.h"

namespace cape::predictor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

const fs::path kMlp = fs::path(CAPE_FIXTURES) / "published_mlp.csv";
const fs::path kCnn = fs::path(CAPE_FIXTURES) / "published_cnn.csv";

class RunFit : public FitFolder {
 protected:
  /// A shard of `count` trajectories, a row each.
  fs::path write_shard(const std::string& name, int count) {
    std::vector<shard::Row> rows;
    for (int i = 0; i < count; ++i) {
      rows.push_back(sample_row(fmt::format("{:032x}", i)));
      rows.back().t_star = 5 + i % 7;
      rows.back().log_p = 10 + i % 7;
    }
    return write(name, shard::shard_image(rows, {}, {}));
  }
};

TEST_F(RunFit, MixesShardsFoldersAndPublishedFiles) {
  fs::create_directories(folder_ / "run");
  write_shard("run/a-0000.h5", 60);
  const json metrics = fit({kMlp, kCnn, folder_ / "run"});
  EXPECT_EQ(metrics["kfold"]["xgboost_paper"]["overall"]["rows"], 180);
  EXPECT_THAT(stderr_,
              AllOf(HasSubstr("published_mlp.csv: 60 rows; mlp; cifar10, "
                              "cifar100, fashion_mnist, mnist; 0 censored"),
                    HasSubstr("a-0000.h5: 60 rows; mlp; mnist; 0 censored")));
}

TEST_F(RunFit, DrawsTheCurvesThatThereAreBesideRowsThatHaveNone) {
  std::vector<shard::Row> rows = {sample_row(std::string(32, '1'))};
  rows.front().curve_offset = 0;
  rows.front().curve_length = 3;
  const std::vector<float> losses = {2, 1, 0.25};
  fit({kMlp, write("one.h5", shard::shard_image(rows, losses, {}))});
  EXPECT_THAT(read_file(options_.out / "report.html"),
              HasSubstr("<div class=chart id=\"curves\">"));
}

TEST_F(RunFit, EvaluatesAModelAFamilyOnlyWhereThereAreSeveral) {
  const json both = fit({kMlp, kCnn})["kfold"];
  EXPECT_EQ(both["xgboost_paper_by_family"]["overall"]["rows"], 120);
  EXPECT_NE(both["xgboost_paper_by_family"], both["xgboost_paper"]);
  EXPECT_FALSE(fit({kMlp})["kfold"].contains("xgboost_paper_by_family"));
}

TEST_F(RunFit, DoesNotDependOnTheOrderOfTheInputsOrOnDuplicates) {
  const json first = fit({kMlp, kCnn});
  const std::string model = read_file(options_.out / "model.json");
  EXPECT_EQ(fit({kCnn, kMlp, kCnn}), first);
  EXPECT_EQ(read_file(options_.out / "model.json"), model);
  EXPECT_THAT(stderr_, HasSubstr("60 duplicate rows were left out"));
}

TEST_F(RunFit, GivesTheSameFromItsOwnExportedShard) {
  options_.input.export_shard = folder_ / "all.h5";
  options_.input.export_csv = folder_ / "all.csv";
  const json first = fit({kMlp, kCnn});
  options_.input.export_shard.clear();
  options_.input.export_csv.clear();
  EXPECT_EQ(fit({folder_ / "all.h5"}), first);
  const std::string csv = read_file(folder_ / "all.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 121);
}

TEST_F(RunFit, OnlyExportsWhatIsTooLittleToFitOn) {
  options_.input.inputs = {write_shard("a.h5", 3), write_shard("b.h5", 4)};
  options_.export_only = true;
  EXPECT_THROW(run_fit(options_), UserError);
  options_.input.export_shard = folder_ / "all.h5";
  run_fit(options_);
  int rows = 0;
  shard::for_each_row(options_.input.export_shard,
                      [&](const shard::Row&) { ++rows; });
  EXPECT_EQ(rows, 4);
  EXPECT_FALSE(fs::exists(options_.out));
}

TEST_F(RunFit, NeverExportsOntoWhatItReads) {
  const fs::path shard = write_shard("a.h5", 60);
  const std::string bytes = read_file(shard);
  options_.input.inputs = {shard};
  options_.export_only = true;
  for (fs::path* target :
       {&options_.input.export_shard, &options_.input.export_csv}) {
    *target = folder_ / "." / "a.h5";
    EXPECT_THROW(run_fit(options_), UserError);
    target->clear();
  }
  EXPECT_EQ(read_file(shard), bytes);
}

TEST_F(RunFit, SaysWhereNothingCanBeExportedTo) {
  const fs::path shard = write_shard("a.h5", 60);
  options_.export_only = true;
  for (fs::path* target :
       {&options_.input.export_shard, &options_.input.export_csv}) {
    for (const auto& [place, why] :
         {std::pair{folder_ / "none" / "all", "there is no folder"},
          std::pair{folder_, "is no file that can be replaced"},
          std::pair{fs::path("/dev/null"),
                    "is no file that can be replaced"}}) {
      *target = place;
      EXPECT_THAT(error_message({shard}), HasSubstr(why));
    }
    target->clear();
  }
  options_.input.export_csv = folder_ / "all";
  options_.input.export_shard = folder_ / "." / "all";
  EXPECT_THAT(error_message({shard}), HasSubstr("cannot be both"));
}

TEST_F(RunFit, RefusesAConditionThatLeavesNothingOut) {
  options_.input.inputs = {write_shard("a.h5", 60)};
  options_.input.where = {"dataset!=mnits"};
  options_.export_only = true;
  options_.input.export_csv = folder_ / "all.csv";
  EXPECT_THROW(run_fit(options_), UserError);
  EXPECT_FALSE(fs::exists(options_.input.export_csv));
}

TEST_F(RunFit, LeavesADamagedShardAloneAndSaysSo) {
  fs::create_directories(folder_ / "run");
  const fs::path good = write_shard("run/good.h5", 60);
  const std::string bytes = read_file(good);
  const fs::path half = write("run/half.h5", bytes.substr(0, bytes.size() / 2));
  EXPECT_EQ(fit({folder_ / "run"})["kfold"]["xgboost_paper"]["overall"]["rows"],
            60);
  EXPECT_THAT(stderr_, HasSubstr("warning: left alone: " + half.string()));
  EXPECT_TRUE(fs::exists(half));
}

TEST_F(RunFit, LeavesOutRowsThatCannotBeFitted) {
  std::vector<shard::Row> rows;
  for (int i = 0; i < 60; ++i) {
    rows.push_back(sample_row(fmt::format("{:032x}", i)));
    rows.back().log_p = 10 + i % 7;
    if (i < 3) rows.back().log_g2 = shard::Row::kMissing;
  }
  const json metrics = fit({write("a.h5", shard::shard_image(rows, {}, {}))});
  EXPECT_EQ(metrics["kfold"]["xgboost_paper"]["overall"]["rows"], 57);
  EXPECT_THAT(stderr_, HasSubstr("3 rows were left out"));
}

TEST_F(RunFit, RefusesInputsThatHoldNoRows) {
  EXPECT_THAT(error_message({folder_ / "nothing.h5"}),
              AllOf(HasSubstr("nothing.h5"), HasSubstr("no such file")));
  fs::create_directories(folder_ / "empty");
  EXPECT_THAT(error_message({folder_ / "empty"}), HasSubstr("no shards"));
  const fs::path text = write("text.h5", "no shard at all");
  EXPECT_THAT(error_message({text}), AllOf(HasSubstr("the input has no rows"),
                                           HasSubstr(text.string())));
}

TEST_F(RunFit, RefusesACsvFileOfAnotherKind) {
  EXPECT_THAT(error_message({write("other.csv", "a,b\n1,2\n")}),
              AllOf(HasSubstr("other.csv:1"), HasSubstr("T_star")));
}

TEST_F(RunFit, RefusesFewerTrajectoriesThanFolds) {
  options_.comparison.folds = 100;
  EXPECT_THAT(error_message({write_shard("few.h5", 60)}),
              HasSubstr("100 folds need 100 trajectories or more, the input "
                        "has 60"));
}

TEST_F(RunFit, RefusesRowsThatAreAllUnusable) {
  std::vector<shard::Row> rows = {sample_row()};
  rows[0].log_tau = shard::Row::kMissing;
  EXPECT_THAT(error_message({write("a.h5", shard::shard_image(rows, {}, {}))}),
              HasSubstr("none of the 1 rows can be fitted on"));
}

TEST_F(RunFit, RefusesAFamilyOfWhichThereIsTooLittle) {
  EXPECT_THAT(error_message({kCnn, write_shard("few.h5", 49)}),
              AllOf(HasSubstr("49 trajectories of family mlp"),
                    HasSubstr("50 are the least")));
}

TEST_F(RunFit, RefusesRowsThatDifferInNoFeature) {
  std::vector<shard::Row> rows;
  for (int i = 0; i < 60; ++i) {
    rows.push_back(sample_row(fmt::format("{:032x}", i)));
  }
  EXPECT_THAT(error_message({write("a.h5", shard::shard_image(rows, {}, {}))}),
              HasSubstr("all 60 rows have the same features"));
}

TEST_F(RunFit, SaysWhichFeaturesAreOfNoUse) {
  fit({write_shard("a.h5", 60)});
  EXPECT_THAT(stderr_, HasSubstr("the same in all rows, so of no use to "
                                 "blend_extended: log_g2, log_tau"));
}

TEST_F(RunFit, ReadsPatterns) {
  write_shard("b-1.h5", 60);
  EXPECT_EQ(fit({folder_ / "b-*.h5"})["kfold"]["sl"]["overall"]["rows"], 60);
  options_.out = folder_ / "other";
  EXPECT_THAT(error_message({folder_ / "c-*.h5"}),
              HasSubstr("no file matches this pattern"));
}

TEST_F(RunFit, EvaluatesModelsAndBaselinesUnderEachScheme) {
  const json metrics = fit({kMlp, kCnn});
  for (const char* scheme : {"kfold", "leave_one_dataset_out"}) {
    for (const char* model :
         {"xgboost_paper", "xgboost_extended", "blend_extended", "ntkl", "sl",
          "ntkl_unclipped"}) {
      EXPECT_EQ(metrics[scheme][model]["overall"]["rows"], 120)
          << scheme << " " << model;
      const std::string calibrated = std::string(model) + "_calibrated";
      EXPECT_EQ(metrics[scheme][calibrated]["overall"]["rows"], 108);
    }
  }
  // Published MLPs do not name their architectures.
  EXPECT_EQ(metrics["leave_one_architecture_out"]["sl"]["overall"]["rows"], 60);
  EXPECT_FALSE(metrics["kfold"].contains("lce"));
  EXPECT_THAT(stdout_, HasSubstr("kfold lce: no two trials"));
}

TEST_F(RunFit, ScoresCurvesOfAnotherTrialOfTheSameSettings) {
  shard::ShardWriter writer(
      {.directory = folder_, .prefix = "a", .provenance = {}});
  int number = 0;
  // A trajectory of one row whose loss falls by exp(slope) a step.
  const auto add = [&](double rate, double slope, int losses, int t_star) {
    shard::Row row = sample_row(fmt::format("{:032x}", ++number));
    row.learning_rate = rate;
    row.epsilon = std::exp(-2.0);
    row.log_p = 10 + number % 7;
    row.t_star = t_star;
    std::vector<float> curve;
    for (int t = 0; t < losses; ++t) {
      curve.push_back(static_cast<float>(2 * std::exp(slope * t)));
    }
    writer.add({row}, curve);
  };
  for (int i = 0; i < 50; ++i) add(1e-3, -0.1, 70, 14);  // LCE: 2 / 0.1 = 20
  add(2e-3, -0.2, 60, 10);                               // 10 by its own losses
  add(2e-3, -0.4, 60, 5);                                // 5 by its own
  for (int i = 0; i < 3; ++i) add(3e-3, -0.2, 59, 10);   // too few losses
  add(4e-3, -0.25, 60, 9);                               // no other trial
  writer.flush();

  const json kfold = fit({folder_})["kfold"];
  const json& lce = kfold["lce"];
  EXPECT_EQ(lce["overall"]["rows"], 52);
  EXPECT_NEAR(lce["learning_rate=0.001"]["mae"], 20 - 14, 1e-4);
  EXPECT_EQ(lce["learning_rate=0.002"]["rows"], 2);
  EXPECT_NEAR(lce["learning_rate=0.002"]["mae"], 10 - 5, 1e-4);
  EXPECT_FALSE(lce.contains("learning_rate=0.003"));
  EXPECT_FALSE(lce.contains("learning_rate=0.004"));
  EXPECT_EQ(kfold["lce_own_run"]["overall"]["rows"], 1);
  EXPECT_NEAR(kfold["lce_own_run"]["overall"]["mae"], 9 - 2 / 0.25, 1e-4);
  EXPECT_THAT(read_file(options_.out / "tables" / "unavailable.csv"),
              HasSubstr("\nkfold,lce_own_run_calibrated,too few trajectories"));
}

TEST_F(RunFit, SaysThatTheOnlyDataSetCannotBeLeftOut) {
  const json metrics = fit({write_shard("a.h5", 60)});
  EXPECT_FALSE(metrics.contains("leave_one_dataset_out"));
  EXPECT_THAT(stdout_,
              HasSubstr("leave_one_dataset_out: all rows are of one data set"));
}

TEST_F(RunFit, ScoresRowsToTestByAModelOfAllOthers) {
  options_.input.test = {kCnn};
  const json metrics = fit({kMlp});
  EXPECT_EQ(metrics["test"]["xgboost_paper"]["family=cnn"]["rows"], 60);
  EXPECT_EQ(metrics["kfold"]["xgboost_paper"]["overall"]["rows"], 60);
  const std::string model = read_file(options_.out / "model.json");
  options_.input.test.clear();
  EXPECT_EQ(fit({kMlp})["kfold"], metrics["kfold"]);
  EXPECT_EQ(read_file(options_.out / "model.json"), model);
}

TEST_F(RunFit, DoesNotScoreWhatItFits) {
  options_.input.test = {kMlp};
  EXPECT_THAT(error_message({kMlp}), HasSubstr("none of the 60 rows to test"));
}

TEST_F(RunFit, HoldsTestRowsAgainstTheIntervalsOfThePredictor) {
  options_.input.test = {kCnn};
  fit({kMlp});
  options_.input.inputs = {kCnn};
  options_.input.test.clear();
  const Inputs inputs = std::move(read_inputs(options_.input).front());
  const auto intervals =
      load_predictor(options_.out).intervals(inputs.table, inputs.rows);
  const auto coverage = measure_coverage(inputs.table, inputs.rows, intervals);
  const std::string csv = read_file(options_.out / "tables" / "coverage.csv");
  ASSERT_EQ(coverage.size(), 6U);  // overall, cnn, four data sets
  for (const Coverage& group : coverage) {
    EXPECT_THAT(csv, HasSubstr(fmt::format("\ntest,{},{},{},", group.group,
                                           group.rows, group.covered)));
  }
}

TEST_F(RunFit, ComparesTheWaysToTakeCensoredRows) {
  std::vector<shard::Row> rows;
  for (int i = 0; i < 60; ++i) {
    rows.push_back(sample_row(fmt::format("{:032x}", i)));
    rows.back().log_p = 10 + i % 7;
    rows.back().t_star = i % 7 == 6 ? 5000 : 5 + i % 7;
    rows.back().steps_run = i % 7 == 6 ? 300 : 5 + i % 7;
    rows.back().converged = i % 7 != 6;
  }
  const json kfold =
      fit({write("a.h5", shard::shard_image(rows, {}, {}))})["kfold"];
  const auto mae = [&](const std::string& how) {
    return kfold["blend_extended_censored_" + how]["converged=false"]["mae"]
        .get<double>();
  };
  EXPECT_GT(mae("drop"), mae("survival"));
  EXPECT_GT(mae("survival"), mae("cap"));
}

TEST_F(RunFit, MakesThePapersTables) {
  options_.paper_tables = true;
  fit({kMlp, kCnn});
  const auto table = [&](const std::string& name) {
    return read_file(options_.out / "tables" / (name + ".csv"));
  };
  EXPECT_THAT(table("table1"),
              AllOf(HasSubstr("\nmlp,NTKL,ntkl_calibrated,54,"),
                    HasSubstr(",2.86,4.06,2.00,0.92,0.87\n"),
                    HasSubstr("LCE,lce_calibrated,not available")));
  EXPECT_THAT(table("table2"),
              AllOf(HasSubstr("\n\"log_n, log_lr\","), HasSubstr("\nlog_n,")));
  EXPECT_THAT(table("table3"), HasSubstr("leave_one_dataset_out,mnist,CAPE"));
  for (const char* regressor : {"xgboost_500", "random_forest", "mlp_regressor",
                                "svr", "ridge", "linear"}) {
    EXPECT_THAT(table("table4"), HasSubstr(std::string("\n") + regressor));
  }
  EXPECT_THAT(table("figure1"),
              HasSubstr("batch_size,64,CAPE,"
                        "xgboost_paper_by_family_calibrated,"));
  EXPECT_THAT(read_file(options_.out / "report.html"),
              HasSubstr("not available, the input has no rows of it"));
}

TEST_F(RunFit, SaysInThePapersTablesWhatTheInputCannotGive) {
  options_.paper_tables = true;
  fit({write_shard("rows.h5", 60)});  // one family, where only log P differs
  const auto table = [&](const std::string& name) {
    return read_file(options_.out / "tables" / (name + ".csv"));
  };
  const std::string five =
      "not available,not available,not available,"
      "not available,not available,";
  EXPECT_THAT(table("table1"),
              HasSubstr("\ncnn,CAPE,xgboost_paper_calibrated,not available," +
                        five + "2.86,4.06,2.00,0.92,0.87\n"));
  EXPECT_THAT(table("table2"),
              AllOf(HasSubstr("cifar10,cifar10_fit_to_t,cifar10_paper,"),
                    HasSubstr("\nlog_p,not available,not available,4.72,")));
  EXPECT_THAT(
      table("table3"),
      HasSubstr("\ntest,imdb,LCE,,,not available,not available,40.83,0.48\n"));
  EXPECT_THAT(table("table4"),
              AllOf(HasSubstr("regressor,cnn,cnn_fit_to_t,cnn_paper,mlp,"),
                    HasSubstr("\nxgboost_500,not available,")));
  EXPECT_THAT(read_file(options_.out / "report.html"),
              HasSubstr("transformer: not available, the input has no rows"));
}

TEST_F(RunFit, FitsRowsOfWhichNoneConverged) {
  std::vector<shard::Row> rows;
  for (int i = 0; i < 60; ++i) {
    rows.push_back(sample_row(fmt::format("{:032x}", i)));
    rows.back().log_p = 10 + i % 7;
    rows.back().converged = false;
    rows.back().t_star = 5000;
  }
  const fs::path shard = write("censored.h5", shard::shard_image(rows, {}, {}));
  const json metrics = fit({shard});
  EXPECT_EQ(metrics["kfold"]["xgboost_paper"]["overall"]["rows"], 60);
  EXPECT_THAT(read_file(options_.out / "tables" / "unavailable.csv"),
              HasSubstr("kfold,blend_extended_censored_drop,no row converged"));
  fs::remove_all(options_.out);
  options_.comparison.censored = Censored::drop;
  EXPECT_THAT(error_message({shard}), HasSubstr("fit with --censored cap"));
}

TEST_F(RunFit, SaysOfWhichFamiliesAModelPredictsNothing) {
  std::vector<shard::Row> rows;
  for (int i = 0; i < 120; ++i) {
    rows.push_back(sample_row(fmt::format("{:032x}", i)));
    rows.back().family.assign(i % 2 == 0 ? "mlp" : "cnn");
    rows.back().log_p = 10 + i % 7;
    // Of CNNs no two are alike, so they have no floor.
    if (i % 2 == 1) rows.back().log_p = 10 + 0.01 * i;
  }
  fit({write("rows.h5", shard::shard_image(rows, {}, {}))});
  EXPECT_THAT(read_file(options_.out / "tables" / "unavailable.csv"),
              HasSubstr("kfold,floor,cnn: no cell has two trajectories"));
}

TEST_F(RunFit, MeasuresWhatEachGroupOfFeaturesIsWorth) {
  options_.ablation = true;
  fit({kMlp, kCnn});
  EXPECT_THAT(read_file(options_.out / "tables" / "ablation.csv"),
              AllOf(HasSubstr("features,kfold family=cnn,kfold family=mlp,"),
                    HasSubstr("\nwithout epsilon,")));
}

/// Published rows, from the folder CAPE_REFERENCE_DIR names.
class PublishedRows : public RunFit {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("CAPE_REFERENCE_DIR");
    if (folder == nullptr) {
      GTEST_SKIP() << "CAPE_REFERENCE_DIR does not name the published rows";
    }
    reference_ = folder;
  }

  double mae(const json& metrics, const char* scheme, const char* model) {
    return metrics[scheme][model]["overall"]["mae"];
  }

  /// Of 90 % intervals, over all rows.
  double coverage() {
    const std::string text =
        read_file(options_.out / "tables" / "coverage.csv");
    const std::string before = "kfold,overall,";
    const std::size_t rows = text.find(before) + before.size();
    return std::stod(text.substr(text.find(',', rows) + 1));
  }

  fs::path reference_;
};

TEST_F(PublishedRows, OfMlpsArePredictedAsWellAsTheyCanBe) {
  const json metrics = fit({reference_ / "meta_dataset_mlp.csv"});
  const json& paper = metrics["kfold"]["xgboost_paper"]["overall"];
  EXPECT_EQ(paper["rows"], 6480);
  EXPECT_NEAR(paper["mae"], 1.57, 0.05);
  EXPECT_NEAR(paper["r2"], 0.90, 0.01);
  EXPECT_LE(mae(metrics, "kfold", "xgboost_extended"), 0.80);
  EXPECT_LE(mae(metrics, "kfold", "blend_extended"), 0.80);
  EXPECT_NEAR(mae(metrics, "kfold", "floor"), 0.63, 0.01);
  EXPECT_NEAR(mae(metrics, "leave_one_dataset_out", "xgboost_paper"), 2.46,
              0.1);
  EXPECT_LE(mae(metrics, "leave_one_dataset_out", "blend_extended"), 1.55);
  EXPECT_NEAR(coverage(), 0.9, 0.02);
}

TEST_F(PublishedRows, OfCnnsArePredictedAsWellAsTheyCanBe) {
  const json metrics = fit({reference_ / "meta_dataset_cnn.csv"});
  const json& paper = metrics["kfold"]["xgboost_paper"]["overall"];
  EXPECT_EQ(paper["rows"], 10800);
  EXPECT_NEAR(paper["mae"], 2.99, 0.1);
  EXPECT_NEAR(paper["r2"], 0.91, 0.01);
  EXPECT_LE(mae(metrics, "kfold", "xgboost_extended"), 1.45);
  EXPECT_LE(mae(metrics, "kfold", "blend_extended"), 1.45);
  EXPECT_NEAR(mae(metrics, "kfold", "floor"), 1.28, 0.01);
  EXPECT_NEAR(mae(metrics, "leave_one_dataset_out", "xgboost_paper"), 6.54,
              0.15);
  EXPECT_LE(mae(metrics, "leave_one_dataset_out", "blend_extended"), 5.3);
  EXPECT_NEAR(coverage(), 0.9, 0.02);
}

}  // namespace
}  // namespace cape::predictor
