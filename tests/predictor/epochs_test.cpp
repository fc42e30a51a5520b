#include "predictor/evaluation/epochs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "predictor/data/published_epochs.h"
#include "predictor/evaluation/curve_extrapolation.h"
#include "predictor/fit/fit.h"
#include "predictor/fit_folder.h"

namespace cape::predictor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kHeader =
    "dataset,dataset_size,model,architecture,optimizer,learning_rate,"
    "batch_size,param_count,param_count_log10,learning_rate_log10,"
    "batch_size_log10,gradient_norm_log10,ntk_trace_proxy_log10,"
    "initial_loss_log10,T_conv,patience_P,min_delta,max_epochs,"
    "val_loss_prefix\n";

/// A row of the file; `t_conv` also fills a feature, so that it can be learnt.
std::string line(const std::string& dataset, const std::string& model,
                 int t_conv) {
  return fmt::format(
      "{},5000,{},CNN,SGD,0.001,64,100000,5,-3,1.8,{},{},0.7,{},5,0.0001,150,"
      "\"[2.5, 2.0, 1.75, 1.625, NaN]\"\n",
      dataset, model, 0.1 * t_conv, 0.2 * t_conv, t_conv);
}

/// Sixty trainings of two data sets and three models, and six that the authors
/// leave out.
std::string small_file() {
  std::string text = kHeader;
  for (int i = 0; i < 60; ++i) {
    text += line(i % 2 == 0 ? "STL10" : "CIFAR10",
                 "net" + std::to_string(i % 3), 5 + i % 7);
  }
  for (int i = 0; i < 6; ++i) {
    text += line("STL10", i % 2 == 0 ? "ViT" : "vgg16", 100);
  }
  return text;
}

class PublishedEpochs : public FitFolder {
 protected:
  /// The same for a good file in which the second line has `to` for `from`.
  std::string error_with(const std::string& from, const std::string& to) {
    std::string text = line("STL10", "net", 9);
    text.replace(text.find(from), from.size(), to);
    return error_message({write("epochs.csv", kHeader + text)});
  }

  const fs::path path_ = folder_ / "epochs.csv";
};

TEST_F(PublishedEpochs, AreRecognisedByTheHeaderAndNotByTheName) {
  EXPECT_TRUE(has_published_epochs(write("meta_dataset_mlp.csv", kHeader)));
  EXPECT_TRUE(has_published_epochs(
      write("bom.csv", "\xEF\xBB\xBF\"T_conv\",dataset\r\n")));
  EXPECT_FALSE(has_published_epochs(write(
      "published_epochs.csv", "dataset,learning_rate,batch_size,epsilon\n")));
  EXPECT_FALSE(has_published_epochs(write("empty.csv", "")));
  EXPECT_FALSE(has_published_epochs(write("open.csv", "\"T_conv\n")));
  EXPECT_FALSE(has_published_epochs(folder_ / "missing.csv"));
  EXPECT_FALSE(
      has_published_epochs(fs::path(CAPE_FIXTURES) / "published_mlp.csv"));
}

TEST_F(PublishedEpochs, AreReadWithTheLossesOfDivergedTrainings) {
  const auto rows = read_published_epochs(
      write("epochs.csv", kHeader + line("STL10", "resnet50", 9)));
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0].dataset(), "STL10");
  EXPECT_EQ(rows[0].model(), "resnet50");
  EXPECT_EQ(rows[0].t_conv, 9);
  EXPECT_EQ(rows[0].patience, 5);
  EXPECT_EQ(rows[0].max_epochs, 150);
  EXPECT_DOUBLE_EQ(rows[0].min_delta, 0.0001);
  ASSERT_EQ(rows[0].losses.size(), 5);
  EXPECT_DOUBLE_EQ(rows[0].losses[3], 1.625);
  EXPECT_TRUE(std::isnan(rows[0].losses[4]));
}

TEST_F(PublishedEpochs, NameFileLineAndColumnOfWhatIsWrong) {
  const std::string line_2 = path_.string() + ":2: ";
  EXPECT_THAT(error_with("100000", "many"),
              AllOf(HasSubstr(line_2), HasSubstr("param_count is 'many'")));
  EXPECT_THAT(error_with("1.8", "inf"),
              HasSubstr("batch_size_log10 is 'inf', not a finite number"));
  EXPECT_THAT(error_with("0.7,9,", "0.7,9.5,"),
              HasSubstr("T_conv is '9.5', not an integer"));
  EXPECT_THAT(error_with("0.7,9,", "0.7,151,"),
              HasSubstr("T_conv is '151', not at most max_epochs, 150"));
  EXPECT_THAT(error_with("STL10", ""), HasSubstr("dataset is '', not a name"));
  EXPECT_THAT(error_with(",SGD", ""),
              HasSubstr("18 fields (the header has 19)"));
  for (const char* wrong : {"", "[]", "2.5", "[2.5, ", "[\"a\"]", "[[1]]"}) {
    EXPECT_THAT(error_with("[2.5, 2.0, 1.75, 1.625, NaN]", wrong),
                AllOf(HasSubstr(line_2), HasSubstr("val_loss_prefix is '"),
                      HasSubstr("not a JSON array of one or more numbers")));
  }
}

TEST_F(PublishedEpochs, NameAColumnThatIsMissingOrUnknown) {
  std::string header = kHeader;
  header.erase(header.find("min_delta,"), 10);
  EXPECT_THAT(error_message({write("epochs.csv", header)}),
              HasSubstr(path_.string() + ":1: no column 'min_delta' (found "));
  header = kHeader;
  header.erase(header.find("T_conv,"), 7);
  EXPECT_THAT(error_message({write("epochs.csv", header)}),
              HasSubstr(":1: no column 'T_conv' (found "));
  EXPECT_THAT(
      error_message({write("epochs.csv", "depth," + std::string(kHeader))}),
      HasSubstr(":1: unknown column 'depth'; remove it"));
}

TEST_F(PublishedEpochs, AreRefusedWhereTooFewAreLeft) {
  EXPECT_THAT(error_message({write("epochs.csv", kHeader)}),
              HasSubstr("no rows below the header"));
  std::string text = kHeader;
  for (int i = 0; i < 60; ++i) text += line("STL10", "ViT", 9);
  EXPECT_THAT(error_message({write("epochs.csv", text)}),
              HasSubstr("0 rows of 0 data sets and 0 models are left"));
  text = kHeader;
  for (int i = 0; i < 60; ++i) text += line("STL10", "net", 9);
  EXPECT_THAT(error_message({write("epochs.csv", text)}),
              HasSubstr("60 rows of 1 data sets and 1 models are left"));
}

TEST_F(PublishedEpochs, AreNeverMixedWithOtherInputs) {
  const fs::path mlp = fs::path(CAPE_FIXTURES) / "published_mlp.csv";
  const fs::path epochs = write("epochs.csv", small_file());
  EXPECT_THAT(error_message({mlp, epochs}),
              AllOf(HasSubstr(epochs.string()), HasSubstr("give it alone")));
  EXPECT_THAT(error_message({epochs, epochs}), HasSubstr("give it alone"));
  options_.input.test = {epochs};
  EXPECT_THAT(error_message({mlp}), HasSubstr("epochs.csv behind --test: "));
  options_.input.test.clear();
  options_.input.general = {epochs};
  EXPECT_THAT(error_message({mlp}), HasSubstr("epochs.csv behind --general: "));
}

TEST_F(PublishedEpochs, RefuseOptionsThatHaveNoMeaningForThem) {
  options_.given = {"--out", "--folds"};
  EXPECT_THAT(error_message({write("epochs.csv", small_file())}),
              HasSubstr("--folds has no meaning for "));
}

TEST_F(PublishedEpochs, DoNotReplaceAModel) {
  fs::create_directories(options_.out);
  std::ofstream(options_.out / "model.json") << "{}";
  options_.input.inputs = {write("epochs.csv", small_file())};
  EXPECT_THROW(run_fit(options_), UserError);
  EXPECT_EQ(read_file(options_.out / "model.json"), "{}");
}

TEST_F(PublishedEpochs, AreEvaluatedUnderEveryScheme) {
  options_.given = {"--out", "--seed"};
  const json metrics = fit({write("epochs.csv", small_file())});
  ASSERT_EQ(metrics.size(), 4);
  for (const auto& [scheme, models] : metrics.items()) {
    EXPECT_EQ(models.size(), 9) << scheme;
    const json& ours = models["boosted_trees"]["overall"];
    EXPECT_EQ(ours["rows"], scheme == "repeated_kfold" ? 300 : 60);
    EXPECT_LT(models["random_forest"]["overall"]["mae"], 0.5) << scheme;
  }
  EXPECT_THAT(stderr_, HasSubstr("66 rows, of which 6 of ViT and vgg16"));
  EXPECT_THAT(stdout_, HasSubstr("No model is kept"));
  const std::string table = read_file(options_.out / "tables" / "epochs.csv");
  EXPECT_THAT(table, HasSubstr("\nleave_one_model_out,published,"));
  const std::string first = read_file(options_.out / "metrics.json");
  fit({path_});
  EXPECT_EQ(read_file(options_.out / "metrics.json"), first);
  EXPECT_EQ(read_file(options_.out / "tables" / "epochs.csv"), table);
}

TEST(ShuffledFolds, AreThoseOfScikitLearn) {
  // KFold(5, shuffle=True, random_state=seed) of 13 rows, and the first of 396.
  EXPECT_THAT(shuffled_folds(13, 5, 42),
              ElementsAre(0, 2, 1, 4, 2, 1, 4, 3, 1, 0, 3, 0, 2));
  EXPECT_THAT(shuffled_folds(13, 5, 7),
              ElementsAre(1, 1, 0, 3, 4, 1, 3, 2, 0, 4, 0, 2, 2));
  std::vector<int> begin = shuffled_folds(396, 5, 42);
  begin.resize(12);
  EXPECT_THAT(begin, ElementsAre(0, 4, 2, 0, 3, 0, 1, 1, 3, 0, 1, 2));
}

TEST(EarlyStopping, EndsAfterEpochsInARowWithoutEnoughProgress) {
  // Epoch 2 is the last that is better by more than 0.1 than the best before.
  const std::vector<double> losses = {2, 1, 0.95, 0.91, 1.5, 0.2};
  const auto loss = [&](int epoch) {
    return losses.at(static_cast<std::size_t>(epoch - 1));
  };
  EXPECT_EQ(stop_early(loss, {3, 0.1, 6}).epoch, 5);
  EXPECT_EQ(stop_early(loss, {4, 0.1, 6}).epoch, 6);
  EXPECT_EQ(stop_early(loss, {3, 0.1, 4}).epoch, 4);
  const auto diverged = [](int) { return std::nan(""); };
  EXPECT_EQ(stop_early(diverged, {3, 0.1, 6}).epoch, 3);
}

TEST(CurveExtrapolation, ContinuesAnExponential) {
  PublishedTraining training;
  training.patience = 5;
  training.min_delta = 0.0001;
  training.max_epochs = 200;
  training.t_conv = 60;
  const auto loss = [](int epoch) { return 1 + 2 * std::exp(-0.2 * epoch); };
  for (int epoch = 1; epoch <= 20; ++epoch) {
    training.losses.push_back(loss(epoch));
  }
  const int exact = stop_early(loss, {5, 0.0001, 200}).epoch;
  EXPECT_NEAR(extrapolate_epochs(training, 10), exact, 3);
  training.t_conv = 10;
  EXPECT_EQ(extrapolate_epochs(training, 10), 10) << "it has ended by then";
  training.t_conv = 60;
  training.losses.assign(20, 1);
  EXPECT_EQ(extrapolate_epochs(training, 10), 11) << "it has not ended yet";
  training.losses[3] = std::nan("");
  EXPECT_EQ(extrapolate_epochs(training, 10), 11) << "it has diverged";
}

/// The published file itself, from the folder CAPE_REFERENCE_DIR names.
class PublishedEpochFigures : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("CAPE_REFERENCE_DIR");
    if (folder == nullptr) {
      GTEST_SKIP() << "CAPE_REFERENCE_DIR does not name the published rows";
    }
    const fs::path file = fs::path(folder) / "published_epochs.csv";
    trainings_ = authors_trainings(read_published_epochs(file), file.string());
  }

  std::map<std::string, EpochEvaluation> evaluate(EpochScheme scheme) {
    std::map<std::string, EpochEvaluation> by_model;
    for (EpochEvaluation& one : evaluate_epochs(trainings_, scheme, 42)) {
      by_model.emplace(one.model, std::move(one));
    }
    return by_model;
  }

  std::vector<PublishedTraining> trainings_;
};

TEST_F(PublishedEpochFigures, ByFoldsAreTheAuthorsOrBetter) {
  // The folds are the authors', so the tolerances are for another forest.
  auto by = evaluate(EpochScheme::kfold);
  const EpochEvaluation& forest = by.at("random_forest");
  EXPECT_EQ(forest.metrics.rows, 396);
  EXPECT_NEAR(forest.metrics.mae, 4.63, 0.15);
  EXPECT_NEAR(forest.metrics.rmse, 8.1, 0.3);
  EXPECT_NEAR(forest.r, 0.89, 0.01);
  EXPECT_LT(forest.intervals.mae.low, forest.metrics.mae);
  EXPECT_GT(forest.intervals.mae.high, forest.metrics.mae);
  EXPECT_LE(by.at("boosted_trees").metrics.mae, 4.3);
  EXPECT_LE(by.at("forest_and_boosted_trees").metrics.mae, 4.3);
}

TEST_F(PublishedEpochFigures, ForAnUnseenDataSetOrModelAreTheAuthorsOrBetter) {
  auto by = evaluate(EpochScheme::leave_one_dataset_out);
  EXPECT_NEAR(by.at("random_forest").metrics.mae, 6.5, 0.2);
  EXPECT_LE(by.at("forest_and_boosted_trees").metrics.mae, 6.85);
  by = evaluate(EpochScheme::leave_one_model_out);
  EXPECT_NEAR(by.at("random_forest").metrics.mae, 7.4, 0.25);
  EXPECT_LE(by.at("forest_and_boosted_trees").metrics.mae, 7.27);
}

}  // namespace
}  // namespace cape::predictor
