#include "predictor/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "core/files.h"
#include "predictor/rows.h"
#include "shard/writer.h"

namespace cape {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

const fs::path kMlp = fs::path(CAPE_FIXTURES) / "published_mlp.csv";
const fs::path kCnn = fs::path(CAPE_FIXTURES) / "published_cnn.csv";

class RunFit : public testing::Test {
 protected:
  RunFit()
      : folder_(fs::path(testing::TempDir()) /
                fmt::format("cape_fit_{}", testing::UnitTest::GetInstance()
                                               ->current_test_info()
                                               ->name())) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    options_.out = folder_ / "model";
  }
  ~RunFit() override { fs::remove_all(folder_); }

  /// Runs without its output; returns metrics.json.
  json fit(std::vector<fs::path> inputs) {
    options_.inputs = std::move(inputs);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    try {
      run_fit(options_);
    } catch (...) {
      end_capture();
      throw;
    }
    end_capture();
    return json::parse(read_file(options_.out / "metrics.json"));
  }

  void end_capture() {
    stdout_ = testing::internal::GetCapturedStdout();
    stderr_ = testing::internal::GetCapturedStderr();
  }

  /// The message of the UserError that fitting these ends in; the model
  /// directory must not have been made.
  std::string refusal(std::vector<fs::path> inputs) {
    try {
      fit(std::move(inputs));
    } catch (const UserError& error) {
      EXPECT_FALSE(fs::exists(options_.out));
      return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
  }

  fs::path write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  /// A shard of `count` trajectories, a row each.
  fs::path write_shard(const std::string& name, int count) {
    std::vector<shard::Row> rows;
    for (int i = 0; i < count; ++i) {
      rows.push_back(sample_row(fmt::format("{:032x}", i)));
      rows.back().t_star = 5 + i % 7;
    }
    return write(name, shard::shard_image(rows, {}, {}));
  }

  const fs::path folder_;
  FitOptions options_;
  std::string stdout_;
  std::string stderr_;
};

TEST_F(RunFit, MixesShardsFoldersAndPublishedFiles) {
  fs::create_directories(folder_ / "run");
  write_shard("run/a-0000.h5", 12);
  const json metrics = fit({kMlp, kCnn, folder_ / "run"});
  EXPECT_EQ(metrics["kfold"]["xgboost_paper"]["overall"]["rows"], 132);
  EXPECT_THAT(stderr_,
              AllOf(HasSubstr("published_mlp.csv: 60 rows; mlp; cifar10, "
                              "cifar100, fashion_mnist, mnist; 0 censored"),
                    HasSubstr("a-0000.h5: 12 rows; mlp; mnist; 0 censored")));
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
  options_.export_shard = folder_ / "all.h5";
  options_.export_csv = folder_ / "all.csv";
  const json first = fit({kMlp, kCnn});
  options_.export_shard.clear();
  options_.export_csv.clear();
  EXPECT_EQ(fit({folder_ / "all.h5"}), first);
  const std::string csv = read_file(folder_ / "all.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 121);
}

TEST_F(RunFit, LeavesADamagedShardAloneAndSaysSo) {
  fs::create_directories(folder_ / "run");
  const fs::path good = write_shard("run/good.h5", 12);
  const std::string bytes = read_file(good);
  const fs::path half = write("run/half.h5", bytes.substr(0, bytes.size() / 2));
  EXPECT_EQ(fit({folder_ / "run"})["kfold"]["xgboost_paper"]["overall"]["rows"],
            12);
  EXPECT_THAT(stderr_, HasSubstr("warning: left alone: " + half.string()));
  EXPECT_TRUE(fs::exists(half));
}

TEST_F(RunFit, LeavesOutRowsThatCannotBeFitted) {
  std::vector<shard::Row> rows;
  for (int i = 0; i < 20; ++i) {
    rows.push_back(sample_row(fmt::format("{:032x}", i)));
    if (i < 3) rows.back().log_g2 = shard::Row::kMissing;
  }
  const json metrics = fit({write("a.h5", shard::shard_image(rows, {}, {}))});
  EXPECT_EQ(metrics["kfold"]["xgboost_paper"]["overall"]["rows"], 17);
  EXPECT_THAT(stderr_, HasSubstr("3 rows were left out"));
}

TEST_F(RunFit, RefusesInputsThatHoldNoRows) {
  EXPECT_THAT(refusal({folder_ / "nothing.h5"}),
              AllOf(HasSubstr("nothing.h5"), HasSubstr("no such file")));
  fs::create_directories(folder_ / "empty");
  EXPECT_THAT(refusal({folder_ / "empty"}), HasSubstr("no shards"));
  const fs::path text = write("text.h5", "no shard at all");
  EXPECT_THAT(refusal({text}), AllOf(HasSubstr("the input has no rows"),
                                     HasSubstr(text.string())));
}

TEST_F(RunFit, RefusesACsvFileOfAnotherKind) {
  EXPECT_THAT(refusal({write("other.csv", "a,b\n1,2\n")}),
              AllOf(HasSubstr("other.csv:1"), HasSubstr("T_star")));
}

TEST_F(RunFit, RefusesFewerTrajectoriesThanFolds) {
  options_.folds = 10;
  EXPECT_THAT(refusal({write_shard("few.h5", 9)}),
              HasSubstr("10 folds need 10 trajectories or more, the input has "
                        "9"));
}

TEST_F(RunFit, RefusesRowsThatAreAllUnusable) {
  std::vector<shard::Row> rows = {sample_row()};
  rows[0].log_tau = shard::Row::kMissing;
  EXPECT_THAT(refusal({write("a.h5", shard::shard_image(rows, {}, {}))}),
              HasSubstr("none of the 1 rows can be fitted on"));
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

  json overall_of(const std::string& name) {
    return fit({reference_ / name})["kfold"]["xgboost_paper"]["overall"];
  }

  fs::path reference_;
};

TEST_F(PublishedRows, OfMlpsArePredictedAsWellAsThePaperFeaturesAllow) {
  const json overall = overall_of("meta_dataset_mlp.csv");
  EXPECT_EQ(overall["rows"], 6480);
  EXPECT_NEAR(overall["mae"], 1.57, 0.05);
  EXPECT_NEAR(overall["r2"], 0.90, 0.01);
}

TEST_F(PublishedRows, OfCnnsArePredictedAsWellAsThePaperFeaturesAllow) {
  const json overall = overall_of("meta_dataset_cnn.csv");
  EXPECT_EQ(overall["rows"], 10800);
  EXPECT_NEAR(overall["mae"], 2.99, 0.1);
  EXPECT_NEAR(overall["r2"], 0.91, 0.01);
}

}  // namespace
}  // namespace cape
