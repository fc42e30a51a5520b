#include "predictor/data/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "predictor/rows.h"

namespace cape::predictor {
namespace {

using testing::ElementsAre;

TEST(PaperFeatures, AreTheSixOfThePaperInItsOrder) {
  const FeatureSet paper = feature_set("paper");
  EXPECT_THAT(paper.names(), ElementsAre("log_p", "log_g2", "log_tau", "log_n",
                                         "log_lr", "log_b"));
  MetaTable table;
  shard::Row row = sample_row();
  row.log_p = 1;
  row.log_g2 = 2;
  row.log_tau = 3;
  row.log_n = 4;
  row.log_lr = 5;
  row.log_b = 6;
  table.add(row);
  EXPECT_THAT(feature_matrix(table, all_rows(table), paper).values,
              ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(FeatureSet, RefusesAnUnknownName) {
  EXPECT_THROW(feature_set("papers"), UserError);
}

/// The value of a feature of the set for the row.
float feature_of(const std::string& set, std::string_view name,
                 const MetaRow& row) {
  const FeatureSet features = feature_set(set);
  const auto found = std::ranges::find(features.features, name, &Feature::name);
  EXPECT_NE(found, features.features.end()) << name;
  return found->value(row);
}

TEST(GeneralFeatures, ShowDropoutByTheFirstLossOfTheTraining) {
  shard::Row row = sample_row();
  row.train_loss_0 = row.initial_loss = 2.5;
  MetaTable table;
  table.add(row);
  row.initial_loss = 2.5 * std::exp(-0.02);
  table.add(row);
  row.train_loss_0 = shard::Row::kMissing;
  table.add(row);
  const auto noise = [&](std::size_t i) {
    return feature_of("general", "log_loss_noise", table.rows[i]);
  };
  EXPECT_FLOAT_EQ(noise(0), std::log(1e-5F));
  EXPECT_NEAR(noise(1), std::log(0.02), 1e-3);
  EXPECT_TRUE(std::isnan(noise(2)));
}

TEST(FirstStepFeatures, FollowFromTheLossesAndAreMissingWithoutThem) {
  MetaTable table;
  table.add(sample_row());
  MetaRow& row = table.rows[0];
  row.epsilon = 0.1;
  const auto value = [&](std::string_view name) {
    return feature_of("first steps", name, row);
  };
  EXPECT_TRUE(std::isnan(value("log_loss_8")));
  EXPECT_TRUE(std::isnan(value("log_time_left")));
  for (std::size_t t = 0; t < row.first_losses.size(); ++t) {
    row.first_losses[t] =
        static_cast<float>(3 * std::exp(-0.1 * static_cast<double>(t)));
  }
  EXPECT_NEAR(value("log_loss_8"), -0.8, 1e-5);
  EXPECT_NEAR(value("log_loss_rate_4"), std::log(0.1), 1e-5);
  EXPECT_NEAR(value("log_last_rate"), std::log(0.1), 1e-5);
  EXPECT_NEAR(value("log_rate_change"), 0, 1e-5);
  // ln 10 / 0.1 steps in all, of which eight were taken.
  EXPECT_NEAR(std::exp(value("log_time_left")), std::log(10) / 0.1 - 8, 1e-3);
}

TEST(ExtendedFeatures, AreThePapersButTheSamplesThatAreNotInTheBatchAndMore) {
  const FeatureSet extended = feature_set("extended");
  const std::vector<std::string> names = extended.names();
  std::vector<std::string> paper = feature_set("paper").names();
  std::erase(paper, "log_n");
  EXPECT_EQ(std::vector(names.begin(), names.begin() + 5), paper);
  EXPECT_THAT(names, testing::Not(testing::Contains("log_n")));
  shard::Row row = sample_row();
  row.epsilon = std::exp(-2.0);
  row.classes = 10;
  row.input_size = 784;
  row.probe_loss = 3 * std::log(10.0);
  row.initial_loss = 99;
  row.log_mean_g2 = -1.5;  // log_g2 is 1
  row.architecture_json =
      R"({"family":"cnn","kind":"vgg_lite","convolutions":"2-1-1"})";
  MetaTable table;
  table.add(row);
  const auto value = [&](const std::string& name) {
    const auto at = std::ranges::find(names, name) - names.begin();
    return extended.features[static_cast<std::size_t>(at)].value(table.rows[0]);
  };
  EXPECT_FLOAT_EQ(value("log_log_epsilon"), std::log(2.F));
  EXPECT_FLOAT_EQ(value("log_loss_ratio"), std::log(3.F));
  row.task = "multilabel";
  table.add(row);
  row.task = "regression";
  row.classes = 0;
  table.add(row);
  const auto ratio = [&](std::size_t number) {
    const auto at = std::ranges::find(names, "log_loss_ratio") - names.begin();
    return extended.features[static_cast<std::size_t>(at)].value(
        table.rows[number]);
  };
  EXPECT_FLOAT_EQ(ratio(1), std::log(3 * std::log(10.F) / std::log(2.F)));
  EXPECT_FLOAT_EQ(ratio(2), std::log(2 * 3 * std::log(10.F)));
  EXPECT_FLOAT_EQ(value("log_classes"), std::log(10.F));
  EXPECT_FLOAT_EQ(value("log_input_size"), std::log(784.F));
  EXPECT_FLOAT_EQ(value("alignment"), -2.5F);
  EXPECT_EQ(value("depth"), 4);
  EXPECT_EQ(value("is_vgg_lite"), 1);
  EXPECT_EQ(value("is_gru"), 0);
}

TEST(ExtendedFeatures, TakeTheTrainingsLossWhereThereIsNoProbes) {
  shard::Row row = sample_row();
  row.initial_loss = 2.5;
  MetaTable table;
  table.add(row);
  EXPECT_EQ(table.rows[0].loss, 2.5F);
}

TEST(VaryingFeatures, LeaveOutWhatIsTheSameOrMissingInAllRows) {
  MetaTable table;
  shard::Row row = sample_row();
  table.add(row);
  row.log_p = 13;
  row.label_entropy = 2;  // the other row has none
  table.add(row);
  row.label_entropy = 2.5;
  table.add(row);
  EXPECT_THAT(varying(feature_set("extended"), table, all_rows(table)).names(),
              ElementsAre("log_p", "label_entropy"));
}

TEST(FeatureSet, CanDoWithoutAGroup) {
  const FeatureSet extended = feature_set("extended");
  EXPECT_THAT(extended.groups(), testing::Contains("line probe").Times(1));
  EXPECT_EQ(extended.without("line probe").size(), extended.size() - 3);
}

TEST(UsableRow, HasFiniteFeaturesAndAStepOrMore) {
  const auto usable = [](const shard::Row& row) {
    MetaTable table;
    table.add(row);
    return is_usable(table.rows[0]);
  };
  shard::Row row = sample_row();
  row.t_star = 1;
  EXPECT_TRUE(usable(row));
  row.t_star = 0;
  EXPECT_FALSE(usable(row));
  row = sample_row();
  row.log_tau = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(usable(row));
  row = sample_row();
  row.log_g2 = -std::numeric_limits<double>::infinity();
  EXPECT_FALSE(usable(row));
}

TEST(Features, AreThoseOfTheRowsAskedFor) {
  MetaTable table;
  for (const double log_p : {3.0, 1.0, 2.0}) {
    shard::Row row = sample_row();
    row.log_p = log_p;
    table.add(row);
  }
  const std::vector<RowIndex> rows = {2, 0};
  const FeatureSet paper = feature_set("paper");
  const Matrix matrix = feature_matrix(table, rows, paper);
  EXPECT_EQ(matrix.at(0, 0), 2);
  EXPECT_EQ(matrix.at(1, 0), 3);
  EXPECT_EQ(feature_ranges(table, rows, paper)[0], (std::pair{2.0F, 3.0F}));
}

TEST(Prediction, IsClippedToOneStepAndTheCapOfItsRow) {
  MetaRow row{};
  row.max_steps = 5000;
  EXPECT_DOUBLE_EQ(steps_from_log(-3, row), 1);
  EXPECT_DOUBLE_EQ(steps_from_log(std::log(12.5), row), 12.5);
  EXPECT_DOUBLE_EQ(steps_from_log(20, row), 5000);
  row.max_steps = 20000;
  EXPECT_DOUBLE_EQ(steps_from_log(20, row), 20000);
}

TEST(MetaTable, CountsTheTrajectoriesOfRows) {
  const MetaTable table = sample_table(10);
  EXPECT_EQ(count_trajectories(table, all_rows(table)), 10U);
  EXPECT_EQ(count_trajectories(table, std::vector<RowIndex>{0, 1, 4}), 2U);
}

}  // namespace
}  // namespace cape::predictor
