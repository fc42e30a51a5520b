#include "predictor/data/features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "predictor/rows.h"
#include "predictor/trainings.h"

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

TEST(GeneralFeatures, HaveTheRateOfDropoutOfTheProbeOrOfTheDescription) {
  shard::Row row = sample_row();
  MetaTable table;
  table.add(row);
  row.architecture_json.assign(zoo::describe(zoo::Mlp{.dropout = 0.25}).dump());
  table.add(row);
  row.dropout_rate = 0.5;
  table.add(row);
  const auto rate = [&](std::size_t i) {
    return feature_of("general", "dropout_rate", table.rows[i]);
  };
  EXPECT_TRUE(std::isnan(rate(0)));
  EXPECT_EQ(rate(1), 0.25F);
  EXPECT_EQ(rate(2), 0.5F);
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
    return feature_of("first 8 steps", name, row);
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
  EXPECT_NEAR(value("loss_power"), 1, 1e-4);
  EXPECT_NEAR(std::exp(value("log_power_time")), std::log(10) / 0.1, 1e-2);
  for (std::size_t t = 0; t < row.first_losses.size(); ++t) {
    row.first_losses[t] = static_cast<float>(3 * std::exp(-0.4 * std::sqrt(t)));
  }
  EXPECT_NEAR(value("loss_power"), 0.5, 1e-4);
  EXPECT_NEAR(value("last_loss_power"), 0.5, 1e-4);
  const double steps = std::pow(std::log(10) / 0.4, 2);
  EXPECT_NEAR(std::exp(value("log_power_time")), steps, 1e-2);
  EXPECT_NEAR(std::exp(value("log_last_power_time")), steps, 1e-2);
}

TEST(FirstStepFeatures, OfThirtyTwoStepsFollowFromAsManyLosses) {
  MetaTable table;
  table.add(sample_row());
  MetaRow& row = table.rows[0];
  row.epsilon = 0.1;
  const auto value = [&](std::string_view name) {
    return feature_of("first 32 steps", name, row);
  };
  const auto set_losses = [&](std::size_t count) {
    row.first_losses.fill(kMissing);
    for (std::size_t t = 0; t < count; ++t) {
      row.first_losses[t] =
          static_cast<float>(3 * std::exp(-0.04 * static_cast<double>(t)));
    }
  };
  set_losses(32);
  EXPECT_FALSE(has_first_losses(row, 32));
  EXPECT_TRUE(has_first_losses(row, 8));
  EXPECT_TRUE(std::isnan(value("log_time_left")));
  set_losses(33);
  EXPECT_TRUE(has_first_losses(row, 32));
  EXPECT_NEAR(value("log_loss_32"), -1.28, 1e-5);
  EXPECT_NEAR(value("log_last_rate"), std::log(0.04), 1e-5);
  EXPECT_NEAR(std::exp(value("log_time_left")), std::log(10) / 0.04 - 32, 1e-2);
  EXPECT_NEAR(std::exp(value("log_power_time")), std::log(10) / 0.04, 1e-2);
  EXPECT_NEAR(std::exp(value("log_last_power_time")), std::log(10) / 0.04,
              1e-2);
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

/// Of a whole training with these held-out losses of the kernel regression.
MetaTable with_held_out_losses(const std::array<double, 5>& losses) {
  shard::Row row = training_row();
  row.train_loss_0 = 2.5;
  row.train_gradient_l1 = 2;
  row.set_kernel_held_out_0 = losses[0];
  row.set_kernel_held_out_2 = losses[1];
  row.set_kernel_held_out_4 = losses[2];
  row.set_kernel_held_out_6 = losses[3];
  row.set_kernel_held_out_8 = losses[4];
  MetaTable table;
  table.add(row);
  return table;
}

TEST(KernelFeatures, AreOfTheParabolaThroughTheLeastHeldOutLosses) {
  const MetaTable table = with_held_out_losses({1, 0.5, 0.4, 0.7, 1.2});
  const auto value = [&](std::string_view name) {
    return feature_of("general", name, table.rows[0]);
  };
  // Through (2, 0.5), (4, 0.4) and (6, 0.7): 0.4 + 0.05 (t-4) + 0.05 (t-4)^2.
  EXPECT_NEAR(value("log_kernel_time"), 3.5, 1e-5);
  EXPECT_NEAR(value("kernel_loss"), 0.3875, 1e-5);
  EXPECT_NEAR(value("log_kernel_overfit"), std::log(1.2 / 0.3875), 1e-5);
  // A step promises that the loss falls by 1e-3 * 2 / 2.5 of itself.
  EXPECT_NEAR(value("log_kernel_epochs"),
              3.5 - std::log(1e-3 * 2 / 2.5) - std::log(31), 1e-4);
  EXPECT_FLOAT_EQ(value("kernel_held_out_6"), 0.7F);
}

TEST(KernelFeatures, StayWithinTheTimesThatWereMeasured) {
  const MetaTable first = with_held_out_losses({0.3, 0.5, 0.6, 0.7, 0.9});
  EXPECT_EQ(feature_of("general", "log_kernel_time", first.rows[0]), 0);
  EXPECT_EQ(feature_of("general", "kernel_loss", first.rows[0]), 0.3F);
  const MetaTable last = with_held_out_losses({0.9, 0.7, 0.6, 0.5, 0.3});
  EXPECT_EQ(feature_of("general", "log_kernel_time", last.rows[0]), 8);
  EXPECT_EQ(feature_of("general", "log_kernel_overfit", last.rows[0]), 0);
  const MetaTable flat = with_held_out_losses({0.5, 0.5, 0.5, 0.5, 0.5});
  EXPECT_EQ(feature_of("general", "log_kernel_time", flat.rows[0]), 0);
}

TEST(KernelFeatures, AreMissingWhereALossIs) {
  const MetaTable table =
      with_held_out_losses({1, 0.5, 0.4, 0.7, shard::Row::kMissing});
  for (const char* name : {"log_kernel_time", "kernel_loss",
                           "log_kernel_overfit", "log_kernel_epochs"}) {
    EXPECT_TRUE(std::isnan(feature_of("general", name, table.rows[0]))) << name;
  }
  EXPECT_EQ(feature_of("general", "kernel_held_out_4", table.rows[0]), 0.4F);
}

TEST(NoiseScale, IsTheVarianceOverTheSquareOfTheMeanGradient) {
  shard::Row row = training_row();  // of 32 samples a batch
  const auto scale = [&](double of_sample, double of_mean) {
    row.log_g2 = std::log(of_sample);
    row.log_mean_g2 = std::log(of_mean);
    MetaTable table;
    table.add(row);
    return feature_of("general", "log_noise_scale", table.rows[0]);
  };
  // The variance is 31 * 32 / 31 = 32, of which the mean of 32 has one.
  EXPECT_NEAR(scale(33, 2), std::log(32.0 / 1), 1e-4);
  // All is noise: as if the mean were a thousandth of the variance.
  EXPECT_NEAR(scale(32, 1), std::log(1000.0), 1e-4);
  row = sample_row();
  EXPECT_TRUE(std::isnan(scale(33, 2)));  // on one batch there is none
}

TEST(TrainingFeatures, AreThoseOfTheSetAndOfTheTraining) {
  shard::Row row = training_row();
  row.set_agreement_100 = 0.3;
  row.set_agreement_400 = 0.45;
  row.set_rank_400 = 20;
  row.set_kernel_training_4 = 0.6;
  MetaTable table;
  table.add(row);
  for (const char* set : {"general", "first 8 steps", "first 32 steps"}) {
    const auto value = [&](std::string_view name) {
      return feature_of(set, name, table.rows[0]);
    };
    EXPECT_FLOAT_EQ(value("set_agreement_100"), 0.3F);
    EXPECT_NEAR(value("set_agreement_slope"), 0.15, 1e-6);
    EXPECT_FLOAT_EQ(value("log_set_rank"), std::log(20.F));
    EXPECT_FLOAT_EQ(value("kernel_training_4"), 0.6F);
    EXPECT_FLOAT_EQ(value("log_samples"), std::log(1000.F));
    EXPECT_FLOAT_EQ(value("log_patience"), std::log(5.F));
  }
}

TEST(TrainingFeatures, SayNothingOfRowsOfOneBatch) {
  const auto names_of = [](const MetaTable& table) {
    return varying(feature_set("general"), table, all_rows(table)).names();
  };
  const auto is_of_trainings = [](const std::string& name) {
    return name.starts_with("set_") || name.starts_with("kernel_") ||
           name.starts_with("log_kernel_") || name == "log_samples" ||
           name == "log_steps_per_epoch" || name == "log_patience" ||
           name == "log_set_rank" || name == "log_noise_scale";
  };
  MetaTable batch = sample_table(20);
  for (MetaRow& row : batch.rows) row.log_mean_g2 = 0.5F * row.log_g2;
  EXPECT_EQ(std::ranges::count_if(names_of(batch), is_of_trainings), 0);
  // N, its steps, two of the labels and five losses with what follows of them.
  EXPECT_EQ(std::ranges::count_if(names_of(table_of_trainings(40, "epsilon")),
                                  is_of_trainings),
            2 + 3 + 5 + 4);
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
  EXPECT_THAT(extended.groups(),
              testing::Contains("training-mode gradient").Times(1));
  EXPECT_EQ(extended.without("training-mode gradient").size(),
            extended.size() - 3);
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
  row = training_row();
  EXPECT_TRUE(usable(row));
  row.epsilon = shard::Row::kMissing;
  EXPECT_FALSE(usable(row));
  EXPECT_TRUE(usable(stopped(row, 10)));
  EXPECT_FALSE(usable(stopped(row, 0)));
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
