// Whole trainings: what their rows count, how they are read and fitted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "predictor/artifact/predictor.h"
#include "predictor/data/curves.h"
#include "predictor/data/inputs.h"
#include "predictor/fit/fit.h"
#include "predictor/fit_folder.h"
#include "predictor/trainings.h"
#include "shard/merge.h"

namespace cape::predictor {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsNan;
using testing::Not;

MetaRow added(const shard::Row& row) {
  MetaTable table;
  table.add(row);
  return table.rows.front();
}

/// The message of the UserError that this ends in.
std::string refusal_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const UserError& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

TEST(TrainingRow, OfEarlyStoppingCountsEpochs) {
  shard::Row row = stopped(training_row(), 10);
  const MetaRow converged = added(row);
  EXPECT_TRUE(converged.counts_epochs);
  EXPECT_TRUE(converged.converged);
  EXPECT_EQ(converged.t_star, 10);
  EXPECT_EQ(converged.max_steps, 60);
  EXPECT_TRUE(is_usable(converged));
  row.converged = false;
  row.best_epoch = 57;
  const MetaRow censored = added(row);
  EXPECT_FALSE(censored.converged);
  EXPECT_EQ(censored.t_star, 60);
  EXPECT_EQ(censored.steps_run, 57);  // no earlier epoch will be the best
}

TEST(TrainingRow, OfAnEpsilonCountsSteps) {
  const MetaRow row = added(training_row());
  EXPECT_FALSE(row.counts_epochs);
  EXPECT_EQ(row.t_star, 310);
  EXPECT_EQ(row.steps_run, 310);
  EXPECT_EQ(row.max_steps, 60 * 31);
  EXPECT_FLOAT_EQ(row.training.log_samples, std::log(1000.F));
  EXPECT_FLOAT_EQ(row.training.log_steps_per_epoch, std::log(31.F));
  EXPECT_FLOAT_EQ(row.training.log_patience, std::log(5.F));
}

TEST(TrainingRow, HasWhatARowOfOneBatchHasNot) {
  const MetaRow row = added(sample_row());
  EXPECT_FALSE(row.counts_epochs);
  EXPECT_EQ(row.t_star, 10);
  EXPECT_EQ(row.max_steps, 5000);
  EXPECT_THAT(
      (std::vector{row.training.log_samples, row.training.log_steps_per_epoch,
                   row.training.log_patience, row.training.agreement_100,
                   row.training.agreement_400, row.training.log_rank_400,
                   row.training.min_delta}),
      Each(IsNan()));
  EXPECT_THAT(row.training.kernel_training, Each(IsNan()));
  EXPECT_THAT(row.training.kernel_held_out, Each(IsNan()));
  EXPECT_THAT(row.first_validation, Each(IsNan()));
}

TEST(TrainingRow, HasSettingsThatDoNotDependOnHowLongItMayTake) {
  const shard::Row steps = training_row();
  const shard::Row epochs = stopped(steps, 10);
  EXPECT_EQ(settings_of(steps),
            "target=full_training criterion=epsilon weight_decay=0.0001");
  EXPECT_EQ(settings_of(epochs),
            "target=full_training criterion=early_stopping "
            "weight_decay=0.0001 min_delta=0.0001");
  EXPECT_EQ(settings_of(sample_row()),
            "target=batch_steps weight_decay=0.0001 max_steps=5000 "
            "plateau_window=200 plateau_tolerance=0.0001");
  MetaTable table;
  const auto settings = [&](shard::Row row, auto change) {
    change(row);
    table.add(row);
    return table.settings(table.rows.back());
  };
  for (const shard::Row& row : {steps, epochs}) {
    EXPECT_EQ(settings(row,
                       [](shard::Row& other) {
                         other.max_epochs = 10;
                         other.max_steps = 310;
                         other.patience = 3;
                       }),
              settings_of(row));
    EXPECT_NE(settings(row, [](shard::Row& other) { other.weight_decay = 0; }),
              settings_of(row));
  }
  const auto other_delta = [](shard::Row& row) { row.min_delta = 1e-3; };
  EXPECT_EQ(settings(steps, other_delta), settings_of(steps));
  EXPECT_THAT(settings(epochs, other_delta), HasSubstr("min_delta=0.001"));
  EXPECT_EQ(settings(epochs, [](shard::Row&) {}), settings_of(epochs));
}

TEST(TrainingRow, OfARealShardKnowsItsFirstValidationLosses) {
  const shard::MergedTable merged({fs::path(CAPE_FIXTURES) / "schema_7.h5"});
  MetaTable table;
  for (std::size_t i = 0; i < merged.size(); ++i) table.add(merged.row(i));
  read_curves(merged, 0, table);
  ASSERT_EQ(table.rows.size(), 8U);
  std::vector<int> best_epochs;
  for (const MetaRow& row : table.rows) {
    EXPECT_TRUE(is_usable(row));
    EXPECT_GT(row.training.log_samples, std::log(1000.F));
    EXPECT_THAT(row.first_losses,
                Each(row.counts_epochs
                         ? testing::Matcher<float>(IsNan())
                         : testing::AllOf(testing::Gt(0), testing::Lt(3))));
    EXPECT_THAT(row.first_validation,
                Each(row.counts_epochs ? testing::Matcher<float>(testing::Gt(0))
                                       : IsNan()));
    if (row.counts_epochs) best_epochs.push_back(row.t_star);
  }
  EXPECT_THAT(best_epochs, testing::UnorderedElementsAre(6, 3));
  EXPECT_THAT(table.curve_slopes, Each(IsNan()));
}

class WholeTrainings : public FitFolder {
 protected:
  WholeTrainings() {
    write_trainings(folder_ / "rows", 64);
    options_.input.inputs = {folder_ / "rows"};
  }

  /// A shard of rows of steps on one batch.
  fs::path write_batch_steps() {
    std::vector<shard::Row> rows;
    for (int i = 0; i < 60; ++i) {
      rows.push_back(sample_row(fmt::format("{:032x}", 1000 + i)));
      rows.back().log_p = 10 + i % 7;
      rows.back().t_star = 5 + i % 7;
    }
    return write("batch.h5", shard::shard_image(rows, {}, {}));
  }
};

TEST_F(WholeTrainings, AreReadAgainFromTheirTable) {
  options_.input.export_csv = folder_ / "all.csv";
  const std::vector<Inputs> all = read_inputs(options_.input);
  options_.input.inputs = {options_.input.export_csv.string()};
  options_.input.export_csv.clear();
  const std::vector<Inputs> again = read_inputs(options_.input);
  ASSERT_EQ(again.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(again[i].criterion, all[i].criterion);
    EXPECT_EQ(again[i].rows.size(), all[i].rows.size());
    // Such a table has no curves.
    EXPECT_THAT(again[i].measurements.curves, testing::IsEmpty());
  }
}

TEST_F(WholeTrainings, AreReadACriterionAtATime) {
  options_.input.export_csv = folder_ / "all.csv";
  const std::vector<Inputs> all = read_inputs(options_.input);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].criterion, "early_stopping");
  EXPECT_EQ(unit_of(all[0]), "epochs");
  EXPECT_EQ(all[1].criterion, "epsilon");
  EXPECT_EQ(unit_of(all[1]), "steps");
  EXPECT_NE(what_is_predicted(all[0]), what_is_predicted(all[1]));
  for (const Inputs& inputs : all) {
    EXPECT_TRUE(inputs.whole_trainings);
    EXPECT_EQ(inputs.rows.size(), 64U);
    EXPECT_EQ(inputs.table.rows.size(), 64U);
    // The file has the rows of both.
    EXPECT_EQ(inputs.files.front().rows, 128);
    for (const MetaRow& row : inputs.table.rows) {
      EXPECT_EQ(row.counts_epochs, inputs.criterion == "early_stopping");
      EXPECT_EQ(inputs.table.settings(row), inputs.settings);
    }
    EXPECT_EQ(inputs.measurements.curves.size(), 4U);
  }
  EXPECT_EQ(all[1].measurements.curves[0].losses.size(), 41U);
  EXPECT_EQ(all[1].measurements.curves[0].losses[0], 2);
  const SampleCurve& validation = all[0].measurements.curves[0];
  const MetaRow& row = all[0].table.rows[validation.row];
  EXPECT_EQ(std::ssize(validation.losses), row.t_star + 5);
  EXPECT_THAT(std::vector(validation.losses.begin(),
                          validation.losses.begin() + kFirstEpochs),
              testing::ElementsAreArray(row.first_validation));
  const std::string csv = read_file(folder_ / "all.csv");
  EXPECT_EQ(std::ranges::count(csv, '\n'), 1 + 128);
}

TEST_F(WholeTrainings, CanBeReadForOneCriterionAlone) {
  options_.input.where = {"criterion=early_stopping"};
  const std::vector<Inputs> all = read_inputs(options_.input);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].criterion, "early_stopping");
  EXPECT_EQ(all[0].rows.size(), 64U);
  EXPECT_TRUE(all[0].whole_trainings);
}

TEST_F(WholeTrainings, AreNeverReadWithStepsOnOneBatch) {
  options_.input.inputs.push_back(write_batch_steps());
  EXPECT_THAT(refusal_of([&] { read_inputs(options_.input); }),
              AllOf(HasSubstr("different targets"),
                    HasSubstr("60 rows: --where target=batch_steps"),
                    HasSubstr("128 rows: --where target=full_training")));
  options_.input.where = {"target=batch_steps"};
  const std::vector<Inputs> all = read_inputs(options_.input);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_FALSE(all[0].whole_trainings);
  EXPECT_EQ(unit_of(all[0]), "steps");
}

TEST_F(WholeTrainings, AreFittedWithFeaturesThatTheyHave) {
  options_.given = {"--features"};
  options_.comparison.features = "extended";
  EXPECT_THAT(refusal_of([&] { run(); }),
              HasSubstr("--features extended is not for rows of whole "
                        "trainings; take paper or general"));
  options_.comparison.features = "general";
  options_.input.inputs = {write_batch_steps()};
  EXPECT_THAT(refusal_of([&] { run(); }),
              HasSubstr("--features general is not for rows of steps on one "
                        "batch; take paper or extended"));
  EXPECT_FALSE(fs::exists(options_.out));
}

/// The last field of each line of a table after its header.
std::vector<double> last_column(const fs::path& csv) {
  std::istringstream lines(read_file(csv));
  std::string line;
  std::getline(lines, line);
  std::vector<double> values;
  while (std::getline(lines, line)) {
    values.push_back(std::stod(line.substr(line.rfind(',') + 1)));
  }
  return values;
}

TEST_F(WholeTrainings, HaveAModelForEachCriterionThatIsReadAgain) {
  run();
  const std::string output = stdout_ + stderr_;
  EXPECT_THAT(output, HasSubstr("best epoch of a whole training"));
  const std::vector<Inputs> all = read_inputs(options_.input);
  const Predictors predictors = load_predictors(options_.out, "full_training");
  ASSERT_EQ(predictors.size(), 2U);
  for (const Inputs& inputs : all) {
    const fs::path folder = options_.out / inputs.criterion;
    for (const char* name :
         {"model.json", "general.json", "cape.json", "metrics.json",
          "report.html", "tables/metrics.csv", "tables/coverage.csv",
          "tables/general.csv", "tables/unseen.csv"}) {
      EXPECT_TRUE(fs::exists(folder / name)) << folder / name;
    }
    // Of 8 updates there is none, and of early stopping they say nothing.
    EXPECT_FALSE(fs::exists(folder / "first_steps_8.json"));
    EXPECT_EQ(fs::exists(folder / "first_steps_32.json"),
              inputs.criterion == "epsilon");
    EXPECT_EQ(load_predictor(folder, 32).first_steps.has_value(),
              inputs.criterion == "epsilon");
    const std::string unseen = read_file(folder / "tables" / "unseen.csv");
    for (const char* model :
         {"general", "constant", "family_median", "linear", "random_forest"}) {
      EXPECT_THAT(unseen, HasSubstr(fmt::format("\nboth,{},64,", model)));
    }
    EXPECT_THAT(unseen, inputs.criterion == "epsilon"
                            ? testing::Matcher<const std::string&>(
                                  Not(HasSubstr("curve_extrapolation")))
                            : HasSubstr("\nboth,curve_extrapolation,64,"));
    const Predictor& predictor = predictors.at(inputs.criterion);
    EXPECT_EQ(predictor.settings, inputs.settings);
    EXPECT_EQ(predictor.model.features.name, "general");
    ASSERT_TRUE(predictor.model.base.has_value());
    EXPECT_TRUE(predictor.general.has_value());
    const std::vector<double> fitted =
        last_column(folder / "tables" / "predictions.csv");
    EXPECT_EQ(predictor.model.predict_steps(inputs.table, inputs.rows), fitted);
    const auto predictions = predictor.predict(inputs.table, inputs.rows);
    for (std::size_t i = 0; i < fitted.size(); ++i) {
      const double measured = inputs.table.rows[inputs.rows[i]].t_star;
      EXPECT_NEAR(std::log(fitted[i] / measured), 0, 0.6) << i;
      EXPECT_EQ(predictions[i].answered_by, AnsweredBy::general);
      EXPECT_EQ(predictions[i].steps, fitted[i]);
      EXPECT_LE(predictions[i].interval.upper,
                inputs.table.rows[inputs.rows[i]].max_steps);
    }
  }
  // As data/model has it.
  fs::create_directories(folder_ / "models");
  fs::rename(options_.out, folder_ / "models" / "full_training");
  EXPECT_EQ(load_predictors(folder_ / "models", "full_training").size(), 2U);
  EXPECT_THAT(
      refusal_of([&] { load_predictors(folder_ / "models", "batch_steps"); }),
      AllOf(HasSubstr("no model for the target batch_steps"),
            HasSubstr("no cape.json and no folder batch_steps, epsilon or "
                      "early_stopping")));
  EXPECT_THAT(refusal_of([&] {
                load_predictors(folder_ / "models" / "full_training",
                                "batch_steps");
              }),
              AllOf(HasSubstr("answers for the target full_training, not for "
                              "batch_steps"),
                    HasSubstr("--model")));
  // A part that cape.json names is missed when it is gone.
  const fs::path folder = folder_ / "models" / "full_training" / "epsilon";
  const auto said = [&](std::size_t steps) {
    return refusal_of([&] { load_predictor(folder, steps); });
  };
  fs::remove(folder / "first_steps_32.json");
  EXPECT_NO_THROW(load_predictor(folder));
  EXPECT_THAT(said(32), HasSubstr("first_steps_32.json is missing, a part"));
  fs::remove(folder / "general.json");
  EXPECT_THAT(said(0), HasSubstr("general.json is missing, a part"));
}

}  // namespace
}  // namespace cape::predictor
