#include "predictor/models/model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "predictor/rows.h"

namespace cape::predictor {
namespace {

ModelSettings on_ridge() {
  ModelSettings settings = extended_settings(42);
  settings.base = Base::by_family;
  return settings;
}

TEST(Model, OnARidgeStaysAtTheEndOfWhatItHasSeen) {
  MetaTable table;
  for (int i = 0; i < 400; ++i) {
    shard::Row row = sample_row(fmt::format("t{}", i));
    row.log_p = 10 + i / 100.0;
    row.t_star = static_cast<std::int32_t>(std::exp(row.log_p - 7));
    table.add(row);
  }
  const std::vector<RowIndex> last = {399};
  const std::vector<RowIndex> seen(all_rows(table));
  const std::vector<RowIndex> half(seen.begin(), seen.begin() + 200);
  const FeatureSet features = feature_set("paper");
  const auto of = [&](const ModelSettings& settings) {
    return Model::fit(table, half, features, settings)
        .predict_steps(table, last)[0];
  };
  EXPECT_NEAR(of(on_ridge()) / table.rows[199].t_star, 1, 0.1);

  const Model model = Model::fit(table, half, features, on_ridge());
  const std::vector<RowIndex> ends = {0, 199};
  const std::vector<float> at_ends = model.predict_log(table, ends);
  table.rows[0].log_p = -5;
  table.rows[199].log_p = 50;
  EXPECT_EQ(model.predict_log(table, ends), at_ends);
  const Matrix shares = model.contributions(table, ends);
  for (std::size_t i = 0; i < ends.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < shares.columns; ++j) sum += shares.at(i, j);
    EXPECT_NEAR(sum, at_ends[i], 1e-4);
  }
}

TEST(Model, HasAPerceptronWhereRowsSuffice) {
  const MetaTable table = sample_table(kFewestRowsOfPerceptron);
  const std::vector<RowIndex> all = all_rows(table);
  ASSERT_GE(all.size(), kFewestRowsOfPerceptron);
  ModelSettings settings = on_ridge();
  const auto has_one = [&](std::size_t rows) {
    const std::vector<RowIndex> fitted(all.begin(),
                                       all.begin() + static_cast<long>(rows));
    return Model::fit(table, fitted, feature_set("extended"), settings)
               .perceptrons.size() == 1;
  };
  EXPECT_FALSE(has_one(kFewestRowsOfPerceptron)) << "nobody asked for it";
  settings.perceptrons = {perceptron_settings(42)};
  EXPECT_TRUE(has_one(kFewestRowsOfPerceptron));
  EXPECT_FALSE(has_one(kFewestRowsOfPerceptron - 1));
  settings.censored = Censored::survival;
  EXPECT_FALSE(has_one(kFewestRowsOfPerceptron));
}

/// T* is 2 C^1/2, C of `values` values from 2 on, then a row of 100 classes.
double steps_of_a_hundred_classes(int values) {
  MetaTable table;
  for (int i = 0; i < 400; ++i) {
    shard::Row row = sample_row(fmt::format("t{}", i));
    row.classes = i < 399 ? 2 + i % values : 100;
    row.t_star =
        static_cast<std::int32_t>(std::lround(2 * std::sqrt(row.classes)));
    table.add(row);
  }
  const std::vector<RowIndex> rows(all_rows(table));
  const std::span<const RowIndex> seen(rows.data(), 399);
  return Model::fit(table, seen, feature_set("extended"), on_ridge())
      .predict_steps(table, {&rows[399], 1})[0];
}

TEST(Model, OnARidgeTakesNumbersOfClassesForNoLaw) {
  EXPECT_NEAR(steps_of_a_hundred_classes(4), 2 * std::sqrt(5), 1);
  EXPECT_NEAR(steps_of_a_hundred_classes(19), 2 * std::sqrt(20), 1);
}

TEST(Model, ContributionsAddUpToThePrediction) {
  const MetaTable table = sample_table(100);
  const auto rows = all_rows(table);
  const Model model =
      Model::fit(table, rows, feature_set("extended"), on_ridge());
  const Matrix shares = model.contributions(table, rows);
  const std::vector<float> predicted = model.predict_log(table, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double sum = 0;
    for (std::size_t j = 0; j < shares.columns; ++j) sum += shares.at(i, j);
    EXPECT_NEAR(sum, predicted[i], 1e-4);
  }
}

TEST(Model, StopsGrowingTreesWhenTheyNoLongerHelp) {
  const MetaTable table = sample_table(100);
  const ModelSettings settings = extended_settings(42);
  const Model model =
      Model::fit(table, all_rows(table), feature_set("extended"), settings);
  EXPECT_LT(model.settings.booster.trees, settings.booster.trees);
  const Model again =
      Model::fit(table, all_rows(table), feature_set("extended"), settings);
  EXPECT_EQ(again.booster.to_json(), model.booster.to_json());
}

TEST(Model, CannotDropAllRows) {
  MetaTable table = sample_table(10);
  for (MetaRow& row : table.rows) row.converged = false;
  ModelSettings settings = paper_settings(42);
  settings.censored = Censored::drop;
  EXPECT_THROW(
      Model::fit(table, all_rows(table), feature_set("paper"), settings),
      UserError);
}

}  // namespace
}  // namespace cape::predictor
