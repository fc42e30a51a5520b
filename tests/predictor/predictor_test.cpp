#include "predictor/artifact/predictor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/error.h"
#include "core/files.h"
#include "predictor/fit/model_dir.h"
#include "predictor/fitted.h"

namespace cape::predictor {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PredictorTest : public testing::Test {
 protected:
  PredictorTest()
      : folder_(std::filesystem::path(testing::TempDir()) /
                fmt::format("predictor_{}", testing::UnitTest::GetInstance()
                                                ->current_test_info()
                                                ->name())) {
    std::filesystem::remove_all(folder_);
  }
  ~PredictorTest() override { std::filesystem::remove_all(folder_); }

  /// The model of `result`, kept and read again.
  Predictor kept(const FitResult& result) {
    ModelDirectory directory(folder_);
    directory.write(result);
    directory.publish();
    return load_predictor(folder_);
  }

  /// Of enough rows for a perceptron beside the trees.
  static FitResult blend() {
    return result_of(sample_table(kFewestRowsOfPerceptron), "extended");
  }

  void change(const std::function<void(json&)>& edit) {
    json cape = json::parse(read_file(folder_ / "cape.json"));
    edit(cape);
    std::ofstream(folder_ / "cape.json") << cape;
  }

  std::string error_message() {
    try {
      load_predictor(folder_);
    } catch (const UserError& error) {
      return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
  }

  /// The prediction for one row.
  Prediction predict(const Predictor& predictor, const shard::Row& row) {
    MetaTable table;
    table.add(row);
    return predictor.predict(table, all_rows(table)).front();
  }

  const std::filesystem::path folder_;
};

/// In the middle of sample_table()'s ranges.
shard::Row seen_row() {
  shard::Row row = sample_row();
  row.log_p = 12;
  row.log_g2 = 1.5;
  row.log_tau = 2;
  return row;
}

TEST_F(PredictorTest, PredictsWhatTheFitPredictedToTheBit) {
  for (const char* features : {"paper", "extended"}) {
    const FitResult result = result_of(sample_table(40), features);
    const Predictor predictor = kept(result);
    EXPECT_EQ(
        predictor.model.predict_log(result.inputs.table, result.inputs.rows),
        result.predictor.model.predict_log(result.inputs.table,
                                           result.inputs.rows));
    const auto steps = result.predictor.model.predict_steps(result.inputs.table,
                                                            result.inputs.rows);
    const auto predictions =
        predictor.predict(result.inputs.table, result.inputs.rows);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      EXPECT_EQ(predictions[i].steps, steps[i]);
      EXPECT_THAT(predictions[i].extrapolated, IsEmpty());
      EXPECT_THAT(predictions[i].unseen, IsEmpty());
    }
  }
}

TEST_F(PredictorTest, SaysWhatEachFeatureAddsToThePrediction) {
  const Predictor predictor = kept(result_of(sample_table(40), "extended"));
  const Prediction one = predict(predictor, seen_row());
  ASSERT_EQ(one.contributions.size(), one.features.size() + 1);
  const double sum =
      std::accumulate(one.contributions.begin(), one.contributions.end(), 0.0);
  EXPECT_NEAR(std::exp(sum), one.steps, 1e-4 * one.steps);
}

TEST_F(PredictorTest, HasTheIntervalOfTheFamily) {
  const Prediction one = predict(kept(result_of(sample_table(40))), seen_row());
  EXPECT_NEAR(one.interval.lower, one.steps * std::exp(-0.5), 1e-4 * one.steps);
  EXPECT_NEAR(one.interval.upper, one.steps * std::exp(0.25), 1e-4 * one.steps);
}

TEST_F(PredictorTest, HasTheIntervalOfAllFamiliesForAnother) {
  shard::Row row = seen_row();
  row.family.assign("rnn");
  const Prediction one = predict(kept(result_of(sample_table(40))), row);
  EXPECT_THAT(one.unseen, ElementsAre("family"));
  EXPECT_NEAR(one.interval.upper, one.steps * std::exp(1.5),
              1e-4 * one.interval.upper);
}

TEST_F(PredictorTest, HasTheWiderIntervalOnAnotherDataSet) {
  shard::Row row = seen_row();
  row.dataset.assign("svhn");
  const Prediction one = predict(kept(result_of(sample_table(40))), row);
  EXPECT_THAT(one.unseen, ElementsAre("dataset"));
  EXPECT_NEAR(one.interval.lower, one.steps * std::exp(-1), 1e-4 * one.steps);
  EXPECT_NEAR(one.interval.upper, one.steps * std::exp(1),
              1e-4 * one.interval.upper);
}

TEST_F(PredictorTest, KnowsArchitecturesByTheirNamesWhereThereAreAny) {
  shard::Row other = seen_row();
  other.architecture.assign("other");
  EXPECT_THAT(predict(kept(result_of(sample_table(40))), other).unseen,
              ElementsAre("architecture"));
  MetaTable table = sample_table(40);
  shard::Row unnamed = seen_row();
  unnamed.architecture.assign("");
  table.add(unnamed);
  EXPECT_THAT(predict(kept(result_of(std::move(table))), other).unseen,
              IsEmpty());
}

TEST_F(PredictorTest, NamesWhatIsExtrapolatedAndWidensTheInterval) {
  const Predictor predictor = kept(result_of(sample_table(40)));
  shard::Row row = seen_row();
  row.log_p = 30;
  row.log_g2 = -5;
  const Prediction one = predict(predictor, row);
  EXPECT_THAT(one.extrapolated, ElementsAre("log_p", "log_g2"));
  EXPECT_NEAR(one.interval.lower, one.steps * std::exp(-1), 1e-4 * one.steps);
}

TEST_F(PredictorTest, ExtrapolatesBeyondWhatItsOwnFamilyHad) {
  MetaTable table = sample_table(40);
  shard::Row wide = seen_row();
  wide.family.assign("cnn");
  wide.log_p = 30;
  table.add(wide);
  Predictor predictor = kept(result_of(std::move(table), "extended"));
  EXPECT_THAT(predict(predictor, wide).extrapolated, IsEmpty());
  wide.family.assign("mlp");
  EXPECT_THAT(predict(predictor, wide).extrapolated, ElementsAre("log_p"));
  predictor.model.perceptrons.clear();
  // To the base one that is larger than all of its family is as the largest.
  wide.log_p = 25;
  const double steps = predict(predictor, wide).steps;
  wide.log_p = 28;
  EXPECT_EQ(predict(predictor, wide).steps, steps);
}

TEST_F(PredictorTest, ExtrapolatesAFeatureThatItsFamilyDidNotHave) {
  MetaTable table = sample_table(40);
  shard::Row row = seen_row();
  row.input_rms = std::nan("");
  for (MetaRow& known : table.rows) {
    known.general.log_input_rms =
        table.family(known) == "cnn" ? 0.1F * known.log_p : NAN;
  }
  const Predictor predictor = kept(result_of(std::move(table), "extended"));
  EXPECT_THAT(predict(predictor, row).extrapolated, IsEmpty());
  row.input_rms = 3.3;
  EXPECT_THAT(predict(predictor, row).extrapolated,
              ElementsAre("log_input_rms"));
}

TEST_F(PredictorTest, OfOneFamilyKnowsNoOther) {
  MetaTable table;
  shard::Row row = seen_row();
  for (int i = 0; i < 20; ++i) {
    row.trajectory.assign(fmt::format("t{}", i));
    row.log_p = 10 + 0.2 * i;
    table.add(row);
  }
  const Predictor predictor = kept(result_of(std::move(table), "extended"));
  EXPECT_THAT(predict(predictor, row).unseen, IsEmpty());
  row.family.assign("cnn");
  EXPECT_THAT(predict(predictor, row).unseen, ElementsAre("family"));
  EXPECT_THAT(predict(predictor, row).extrapolated, IsEmpty());
}

TEST_F(PredictorTest, GivesTheIntervalsOfItsPredictions) {
  const FitResult result = result_of(sample_table(40));
  const Predictor predictor = kept(result);
  const auto intervals =
      predictor.intervals(result.inputs.table, result.inputs.rows);
  const auto predictions =
      predictor.predict(result.inputs.table, result.inputs.rows);
  ASSERT_EQ(intervals.size(), predictions.size());
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    EXPECT_EQ(intervals[i].lower, predictions[i].interval.lower);
    EXPECT_EQ(intervals[i].upper, predictions[i].interval.upper);
  }
}

TEST_F(PredictorTest, HasNotSeenADataSetThatOnlyAnotherFamilySaw) {
  MetaTable table = sample_table(40);
  shard::Row row = seen_row();
  row.family.assign("cnn");
  row.dataset.assign("svhn");
  table.add(row);
  const Predictor predictor = kept(result_of(std::move(table)));
  EXPECT_THAT(predict(predictor, row).unseen, IsEmpty());
  row.family.assign("mlp");
  const Prediction one = predict(predictor, row);
  EXPECT_THAT(one.unseen, ElementsAre("dataset"));
  EXPECT_NEAR(one.interval.upper, one.steps * std::exp(1), 1e-4 * one.steps);
}

TEST_F(PredictorTest, KeepsPredictionAndIntervalWithinTheCap) {
  Predictor predictor = kept(result_of(sample_table(40)));
  predictor.offsets[SchemeName::kfold].families["mlp"] = {-100, 100};
  const Prediction one = predict(predictor, seen_row());
  EXPECT_EQ(one.interval.lower, 1);
  EXPECT_EQ(one.interval.upper, 5000);
}

TEST_F(PredictorTest, PutsTheIntervalAroundThePredictionWithinTheCap) {
  MetaTable table = sample_table(40);
  for (MetaRow& row : table.rows) row.t_star = 9000;
  Predictor predictor = kept(result_of(std::move(table)));
  predictor.offsets[SchemeName::kfold].families["mlp"] = {-0.5, 0.5};
  const Prediction one = predict(predictor, seen_row());
  EXPECT_EQ(one.steps, 5000);
  EXPECT_NEAR(one.interval.lower, 5000 * std::exp(-0.5), 1e-6);
}

TEST_F(PredictorTest, RefusesADirectoryWithoutAModel) {
  EXPECT_THAT(error_message(), AllOf(HasSubstr(folder_.string()),
                                     HasSubstr("cape.json is missing")));
  kept(result_of(sample_table(40)));
  std::filesystem::remove(folder_ / "model.json");
  EXPECT_THAT(error_message(), HasSubstr("model.json is missing"));
}

TEST_F(PredictorTest, RefusesAnotherSchema) {
  kept(result_of(sample_table(40)));
  change([](json& cape) { cape["schema_version"] = kModelSchemaVersion + 1; });
  EXPECT_THAT(error_message(), HasSubstr("use a newer one"));
  change([](json& cape) { cape["schema_version"] = 6; });
  EXPECT_THAT(error_message(), HasSubstr("fit again"));
}

TEST_F(PredictorTest, ReadsTheVersionBeforeWhichHasNoPerceptron) {
  const FitResult result = blend();
  Predictor trees = kept(result);
  ASSERT_THAT(trees.model.perceptrons, Not(IsEmpty()));
  const double steps = predict(trees, seen_row()).steps;
  std::filesystem::remove(folder_ / "perceptron.json");
  EXPECT_THAT(error_message(), HasSubstr("perceptron.json is missing, a part"));
  change([](json& cape) {
    cape["schema_version"] = 7;
    cape.erase("perceptron");
  });
  const Predictor read = load_predictor(folder_);
  EXPECT_THAT(read.model.perceptrons, IsEmpty());
  EXPECT_NE(predict(read, seen_row()).steps, steps);
  trees.model.perceptrons.clear();
  EXPECT_EQ(predict(read, seen_row()).steps, predict(trees, seen_row()).steps);
}

TEST_F(PredictorTest, ReadsTheVersionOfOnePerceptronWithoutEmbedding) {
  const Predictor made = kept(blend());
  ASSERT_EQ(made.model.perceptrons.size(), 1);
  json perceptron = json::parse(read_file(folder_ / "perceptron.json")).at(0);
  EXPECT_EQ(perceptron.erase("embedding"), 1);
  std::ofstream(folder_ / "perceptron.json") << perceptron;
  change([](json& cape) { cape["schema_version"] = 8; });
  EXPECT_EQ(predict(load_predictor(folder_), seen_row()).steps,
            predict(made, seen_row()).steps);
}

TEST_F(PredictorTest, RefusesADamagedPerceptron) {
  const FitResult result = blend();
  using Edit = void (*)(json&);
  const auto refusal = [&](Edit edit) {
    kept(result);
    json perceptrons = json::parse(read_file(folder_ / "perceptron.json"));
    edit(perceptrons.back());
    std::ofstream(folder_ / "perceptron.json") << perceptrons;
    return error_message();
  };
  for (const auto& [edit, why] : {
           std::pair(Edit([](json& p) { p["means"].erase(0); }),
                     R"("means" of a perceptron has)"),
           std::pair(Edit([](json& p) { p["means"][0] = nullptr; }),
                     "the mean nan"),
           std::pair(Edit([](json& p) { p["deviations"][0] = 0; }),
                     "the deviation 0"),
           std::pair(Edit([](json& p) {
                       p["least"][0] = 2;
                       p["greatest"][0] = 1;
                     }),
                     "the range from 2 to 1"),
           std::pair(Edit([](json& p) { p["layers"][0]["outputs"] = 1.5; }),
                     "must be a whole number"),
           std::pair(Edit([](json& p) { p["layers"][0]["outputs"] = 0; }),
                     "a layer of a perceptron has"),
           std::pair(Edit([](json& p) { p["layers"][1]["weights"].erase(0); }),
                     "a layer of a perceptron has"),
           std::pair(Edit([](json& p) { p["layers"].erase(2); }),
                     "the last layer of a perceptron has 64 outputs"),
           std::pair(Edit([](json& p) { p["activation"] = "sine"; }), "sine"),
       }) {
    const std::string message = refusal(edit);
    EXPECT_THAT(message, HasSubstr("perceptron.json: damaged"));
    EXPECT_THAT(message, HasSubstr(why));
  }
}

TEST_F(PredictorTest, RefusesDamagedFiles) {
  const FitResult result = result_of(sample_table(40), "extended");
  kept(result);
  const json whole_cape = json::parse(read_file(folder_ / "cape.json"));
  for (const auto& [key, value] : whole_cape.items()) {
    const std::vector<std::string> unread = {
        "program", "families", "git_commit", "created", "model", "target",
        "max_steps", "left_out", "settings", "folds", "seed", "rows",
        "more_rows", "trajectories", "censored", "unusable", "inputs",
        // Absent in models of AdamW and the published settings.
        "optimizers", "training_settings",
        // Absent in models of before; trainings_test.cpp reads it.
        "general_models"};
    if (std::ranges::find(unread, key) != unread.end()) continue;
    kept(result);
    const std::string& name = key;
    change([&](json& cape) { cape.erase(name); });
    EXPECT_THAT(error_message(), HasSubstr("cape.json: damaged")) << key;
  }
  using Edit = void (*)(json&);
  for (const Edit edit : {
           Edit([](json& c) { c["ranges"]["families"]["mlp"].erase("log_p"); }),
           Edit([](json& c) {
             c["ranges"]["overall"]["log_p"] = {2, 1};
           }),
           Edit([](json& c) { c["intervals"]["kfold"].erase("families"); }),
           Edit([](json& c) { c["datasets"].erase("mlp"); }),
           Edit([](json& c) { c["datasets"]["mlp"]["mnist"] = 1e300; }),
       }) {
    kept(result);
    change(edit);
    EXPECT_THAT(error_message(), HasSubstr("cape.json: damaged"));
  }
  const FitResult with_perceptron = blend();
  for (const char* name : {"cape.json", "model.json", "perceptron.json"}) {
    kept(with_perceptron);
    const std::string whole = read_file(folder_ / name);
    std::ofstream(folder_ / name) << whole.substr(0, whole.size() / 2);
    EXPECT_THAT(error_message(), HasSubstr(fmt::format("{}: damaged", name)));
  }
}

TEST_F(PredictorTest, ReadsFilesThatAreCompressed) {
  const FitResult result = blend();
  const Prediction plain = predict(kept(result), seen_row());
  const std::string files = (folder_ / "model.json").string() + " " +
                            (folder_ / "perceptron.json").string();
  ASSERT_EQ(std::system(("gzip -n " + files).c_str()), 0);
  ASSERT_FALSE(std::filesystem::exists(folder_ / "model.json"));
  const Prediction packed = predict(load_predictor(folder_), seen_row());
  EXPECT_EQ(packed.steps, plain.steps);
  // The file that is not compressed counts.
  std::ofstream(folder_ / "model.json") << "{";
  EXPECT_THAT(error_message(), HasSubstr("model.json: damaged"));
  // A new model takes the place of the whole directory.
  EXPECT_EQ(predict(kept(result), seen_row()).steps, plain.steps);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "model.json.gz"));
}

TEST_F(PredictorTest, RefusesTreesOfOtherFeatures) {
  kept(result_of(sample_table(40)));
  change(
      [](json& cape) { std::swap(cape["features"][0], cape["features"][1]); });
  EXPECT_THAT(error_message(), HasSubstr("other features"));
  change([](json& cape) { cape["features"][0] = "log_z"; });
  EXPECT_THAT(error_message(), HasSubstr("log_z"));
}

}  // namespace
}  // namespace cape::predictor
