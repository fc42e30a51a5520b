// Whole trainings: steps, seconds, and a predictor for each criterion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "prediction/predict_grid.h"
#include "predictor/trainings.h"
#include "trainer_client/support.h"

namespace cape::prediction {
namespace {

using testing::HasSubstr;

/// With a prediction of `count`, within the interval.
CellPrediction with_prediction(const shard::Row& row, double count,
                               predictor::Interval interval) {
  CellPrediction cell;
  cell.row = row;
  cell.row.step_seconds = 0.01;
  cell.row.evaluation_seconds = 0.5;
  cell.prediction.steps = count;
  cell.prediction.interval = interval;
  return cell;
}

TEST(CellPrediction, OfEarlyStoppingEndsAPatienceAfterTheBestEpoch) {
  // 31 steps an epoch, a patience of 5, and at most 60 epochs.
  shard::Row row = predictor::stopped(predictor::training_row(), 12);
  const CellPrediction cell = with_prediction(row, 10.5, {2, 58});
  EXPECT_TRUE(cell.stops_early());
  EXPECT_DOUBLE_EQ(cell.steps(), 15.5 * 31);
  EXPECT_DOUBLE_EQ(cell.steps_interval().lower, 7 * 31);
  EXPECT_DOUBLE_EQ(cell.steps_interval().upper, 60 * 31);
  // Fifteen epochs are over, and each of them ends with an evaluation.
  EXPECT_DOUBLE_EQ(cell.seconds(), 15.5 * 31 * 0.01 + 15 * 0.5);
  EXPECT_DOUBLE_EQ(cell.measured_seconds(), 17 * 31 * 0.01 + 17 * 0.5);
  row.patience = 2;
  EXPECT_DOUBLE_EQ(with_prediction(row, 10, {2, 58}).steps(), 12 * 31);
}

TEST(CellPrediction, OfAnEpsilonCountsTheEvaluationsOnTheWay) {
  const CellPrediction cell =
      with_prediction(predictor::training_row(), 100, {50, 200});
  EXPECT_FALSE(cell.stops_early());
  EXPECT_EQ(cell.steps(), 100);
  EXPECT_EQ(cell.steps_interval().lower, 50);
  EXPECT_EQ(cell.steps_interval().upper, 200);
  EXPECT_DOUBLE_EQ(cell.seconds(), 100 * 0.01 + 3 * 0.5);
}

TEST(CellPrediction, OfOneBatchHasNothingButSteps) {
  const CellPrediction cell =
      with_prediction(predictor::sample_row(), 100, {50, 200});
  EXPECT_FALSE(cell.stops_early());
  EXPECT_EQ(cell.steps(), 100);
  EXPECT_EQ(cell.steps_interval().upper, 200);
  EXPECT_DOUBLE_EQ(cell.seconds(), 1);
}

/// A predictor of one number, fitted on rows like this one.
predictor::Predictor always(shard::Row row, std::int32_t count) {
  predictor::MetaTable table;
  for (int i = 0; i < 40; ++i) {
    row.log_p = 10 + 0.1 * i;
    table.add(row);
    table.rows.back().t_star = count;
  }
  return {.model = predictor::Model::fit(table, predictor::all_rows(table),
                                         predictor::feature_set("paper"),
                                         predictor::paper_settings(42)),
          .level = 0.9,
          .offsets = {{predictor::SchemeName::kfold, {{-0.5, 0.5}, {}}}},
          .datasets = {{"mlp", {{"mnist", 40}}}},
          .architectures = {{"mlp", {{"mlp", 40}}}},
          .optimizers = {{"mlp", {{"adamw", 40}}}},
          .settings = table.settings(table.rows.front())};
}

class PredictTrainings : public testing::Test {
 protected:
  PredictTrainings() {
    std::signal(SIGPIPE, SIG_IGN);
    predictors_.emplace("epsilon", always(predictor::training_row(), 77));
    predictors_.emplace(
        "early_stopping",
        always(predictor::stopped(predictor::training_row(), 10), 10));
  }

  GridPrediction predict(bool measure, std::size_t first_steps = 0) {
    return predict_grid(
        predictors_, grid_,
        {.trainer = trainer_client::fake_trainer(folder_.path(), "").program,
         .measure = measure,
         .first_steps = first_steps},
        [](std::size_t) {});
  }

  trainer_client::TemporaryDirectory folder_;
  trainer_client::LogCapture log_;
  grid::Grid grid_ = trainer_client::small_grid(
      {"train.target=full_training", "train.max_epochs=30",
       "train.patience=[2,4]", "grid.samples=[100]"});
  predictor::Predictors predictors_;
};

TEST_F(PredictTrainings, AnswersEachCriterionByItsOwnPredictor) {
  const GridPrediction predicted = predict(false);
  ASSERT_EQ(std::ssize(predicted.cells), grid_.cells());
  std::map<std::string, std::int64_t> counts;
  for (const CellPrediction& cell : predicted.cells) {
    ++counts[cell.row.criterion.str()];
    EXPECT_NEAR(cell.prediction.steps, cell.stops_early() ? 10 : 77, 0.05);
    EXPECT_EQ(cell.row.max_epochs, 30);
    EXPECT_EQ(cell.row.samples, 100);
    EXPECT_GT(cell.seconds(), cell.steps() * cell.row.step_seconds);
    EXPECT_THAT(cell.prediction.unseen,
                testing::Not(testing::Contains("settings")));
    if (!cell.stops_early()) continue;
    EXPECT_TRUE(cell.row.patience == 2 || cell.row.patience == 4);
    EXPECT_NEAR(cell.steps(),
                (10 + cell.row.patience) * cell.row.steps_per_epoch,
                0.01 * cell.row.steps_per_epoch);
  }
  EXPECT_EQ(counts["epsilon"], grid_.trajectories() * 3);
  EXPECT_EQ(counts["early_stopping"], grid_.trajectories() * 2);
}

TEST_F(PredictTrainings, TakesTheFirstStepsForEpsilonsAlone) {
  const GridPrediction begun = predict(false, /*first_steps=*/32);
  const GridPrediction measured = predict(true);
  ASSERT_EQ(begun.cells.size(), measured.cells.size());
  for (std::size_t i = 0; i < begun.cells.size(); ++i) {
    const CellPrediction& cell = begun.cells[i];
    const shard::Row& row = measured.cells[i].row;
    EXPECT_EQ(cell.row.key.str(), row.key.str());
    // Neither predictor has a model for them.
    EXPECT_EQ(cell.prediction.steps, measured.cells[i].prediction.steps);
    EXPECT_GT(cell.seconds(), 0);
    ASSERT_EQ(cell.first_losses.has_value(), !cell.stops_early());
    if (cell.stops_early()) continue;
    const auto& losses = *cell.first_losses;
    std::int32_t reached = 0;
    for (std::int32_t t = 1; t <= 32 && reached == 0; ++t) {
      if (losses.at(static_cast<std::size_t>(t)) <=
          cell.row.epsilon * losses[0]) {
        reached = t;
      }
    }
    EXPECT_EQ(reached, row.converged && row.t_star <= 32 ? row.t_star : 0);
  }
}

TEST_F(PredictTrainings, ShowsWhatWasMeasuredBesideWhatWasPredicted) {
  const GridPrediction probed = predict(false);
  const GridPrediction measured = predict(true);
  ASSERT_EQ(probed.cells.size(), measured.cells.size());
  for (std::size_t i = 0; i < probed.cells.size(); ++i) {
    const CellPrediction& cell = measured.cells[i];
    EXPECT_EQ(probed.cells[i].prediction.steps, cell.prediction.steps);
    EXPECT_EQ(probed.cells[i].row.t_star, 0);
    EXPECT_TRUE(cell.measured);
    EXPECT_GT(cell.row.t_star, 0);
    if (!cell.stops_early() || !cell.row.converged) continue;
    EXPECT_EQ(cell.row.t_star, (cell.row.best_epoch + cell.row.patience) *
                                   cell.row.steps_per_epoch);
  }
}

TEST_F(PredictTrainings, LeavesOutACriterionThatNothingAnswersFor) {
  const std::size_t all = predict(false).cells.size();
  predictors_.erase("early_stopping");
  const GridPrediction predicted = predict(false);
  EXPECT_GT(predicted.cells.size(), 0U);
  EXPECT_LT(predicted.cells.size(), all);
  for (const CellPrediction& cell : predicted.cells) {
    EXPECT_FALSE(cell.stops_early());
  }
  EXPECT_THAT(log_.text(), HasSubstr("nothing for the criterion "
                                     "early_stopping, which is left out"));
}

TEST_F(PredictTrainings, RefusesWhereNothingAnswers) {
  predictors_.clear();
  try {
    predict(false);
    ADD_FAILURE() << "nothing was refused";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(),
                testing::AllOf(HasSubstr("early_stopping, epsilon"),
                               HasSubstr("--model")));
  }
}

}  // namespace
}  // namespace cape::prediction
