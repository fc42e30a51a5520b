#include "prediction/predict_grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <limits>
#include <set>

#include "core/error.h"
#include "predictor/rows.h"
#include "trainer_client/placement.h"
#include "trainer_client/support.h"

namespace cape::prediction {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

predictor::Predictors sample_model() {
  const predictor::MetaTable table = predictor::sample_table(40);
  const predictor::FeatureSet features = predictor::feature_set("paper");
  predictor::Predictor made = {
      .model = predictor::Model::fit(table, predictor::all_rows(table),
                                     features, {}),
      .level = 0.9,
      .offsets = {{predictor::SchemeName::kfold, {{-0.5, 0.5}, {}}}},
      .datasets = {{"mlp", {{"mnist", 40}}}},
      .architectures = {{"mlp", {{"mlp", 40}}}},
      .optimizers = {{"mlp", {{"adamw", 40}}}},
      .settings = table.settings(table.rows.front())};
  predictor::Predictors all;
  all.emplace("epsilon", std::move(made));
  return all;
}

class PredictGridTest : public testing::Test {
 protected:
  PredictGridTest() { std::signal(SIGPIPE, SIG_IGN); }

  GridPrediction predict(bool measure, const std::string& wishes = "") {
    return predict_grid(
        sample_model(), grid_,
        {.trainer =
             trainer_client::fake_trainer(folder_.path(), wishes).program,
         .measure = measure},
        [](std::size_t) {});
  }

  trainer_client::TemporaryDirectory folder_;
  trainer_client::LogCapture log_;
  grid::Grid grid_ = trainer_client::small_grid();
};

TEST_F(PredictGridTest, HasEveryCellOfTheGrid) {
  const GridPrediction predicted = predict(false);
  ASSERT_EQ(std::ssize(predicted.cells), grid_.cells());
  EXPECT_TRUE(predicted.failed.empty());
  std::size_t i = 0;
  for (std::int64_t t = 0; t < grid_.trajectories(); ++t) {
    const trial::TrialTask task =
        grid_.trajectory(t, grid_.all_criteria()).task;
    for (const trial::Criterion& criterion : task.criteria) {
      const shard::Row& row = predicted.cells[i++].row;
      EXPECT_EQ(row.trajectory.view(), task.trajectory);
      EXPECT_EQ(row.epsilon, trial::epsilon_of(criterion));
    }
  }
}

TEST_F(PredictGridTest, GivesEachTrajectoryItsOwnEpsilon) {
  grid_ = trainer_client::small_grid({"train.independent_epsilon=true"});
  std::set<double> asked, answered;
  for (std::int64_t t = 0; t < grid_.trajectories(); ++t) {
    for (const trial::Criterion& criterion :
         grid_.trajectory(t, grid_.all_criteria()).task.criteria) {
      asked.insert(trial::epsilon_of(criterion));
    }
  }
  EXPECT_GT(asked.size(), 1);
  const GridPrediction predicted = predict(false);
  EXPECT_EQ(std::ssize(predicted.cells), grid_.cells());
  for (const CellPrediction& cell : predicted.cells) {
    answered.insert(cell.row.epsilon);
  }
  EXPECT_EQ(answered, asked);
}

TEST_F(PredictGridTest, ProbesAloneGiveThePredictionsOfMeasuredTrials) {
  const GridPrediction probed = predict(false);
  const GridPrediction measured = predict(true);
  ASSERT_EQ(probed.cells.size(), measured.cells.size());
  for (std::size_t i = 0; i < probed.cells.size(); ++i) {
    EXPECT_EQ(probed.cells[i].prediction.features,
              measured.cells[i].prediction.features);
    EXPECT_EQ(probed.cells[i].prediction.steps,
              measured.cells[i].prediction.steps);
    EXPECT_FALSE(probed.cells[i].measured);
    EXPECT_EQ(probed.cells[i].row.t_star, 0);
    EXPECT_TRUE(measured.cells[i].measured);
    EXPECT_GT(measured.cells[i].row.t_star, 0);
  }
}

TEST_F(PredictGridTest, SecondsAreStepsTimesTheTimeOfAStep) {
  const CellPrediction cell = predict(false).cells.front();
  EXPECT_EQ(cell.row.step_seconds, 0.0001);
  EXPECT_EQ(cell.seconds(), cell.prediction.steps * 0.0001);
}

TEST_F(PredictGridTest, SharesOutTheThreadsOfTrainersThatAreNotNeeded) {
  const auto cores =
      std::ssize(trainer_client::inspect_rank(grid::DeviceChoice::cpu, [] {
                   return std::int64_t{0};
                 }).cpus);
  grid_ = trainer_client::small_grid(
      {"grid.trials=1", "grid.learning_rate=[0.001]", "grid.batch_size=[16]",
       fmt::format("workers.per_rank={}", 2 * cores)});
  ASSERT_EQ(grid_.trajectories(), 1);
  EXPECT_EQ(predict(false).cells.front().row.threads, cores);
  // The rows of a farm do not depend on how many trainers are idle.
  EXPECT_EQ(predict(true).cells.front().row.threads, 1);
}

TEST_F(PredictGridTest, NamesTheTrajectoriesThatFailed) {
  const GridPrediction predicted = predict(false, "failure@t1");
  EXPECT_EQ(std::ssize(predicted.failed), grid_.groups());
  EXPECT_EQ(std::ssize(predicted.cells), grid_.cells() * 2 / 3);
  EXPECT_THAT(predicted.failed.front().what, HasSubstr("trial 1"));
  EXPECT_THAT(predicted.failed.front().error, HasSubstr("on demand"));
}

TEST_F(PredictGridTest, RefusesATrainerThatIsNotThere) {
  EXPECT_THROW(
      predict_grid(sample_model(), grid_, {.trainer = folder_.path() / "none"},
                   [](std::size_t) {}),
      UserError);
}

CellPrediction cell_of(std::int64_t trial, double steps, double step_seconds) {
  CellPrediction cell;
  cell.row.trial = trial;
  cell.row.step_seconds = step_seconds;
  cell.prediction.steps = steps;
  return cell;
}

std::vector<std::int64_t> order_of(CellOrder order) {
  std::vector<CellPrediction> cells = {
      cell_of(0, 10, 1), cell_of(1, 5, 3), cell_of(2, 5, 1),
      cell_of(3, 1, std::numeric_limits<double>::quiet_NaN())};
  sort_cells(cells, order);
  std::vector<std::int64_t> trials;
  for (const CellPrediction& cell : cells) trials.push_back(cell.row.trial);
  return trials;
}

TEST(SortCells, PutsTheFewestFirstAndWhatIsNotKnownLast) {
  EXPECT_THAT(order_of(CellOrder::steps), ElementsAre(3, 1, 2, 0));
  EXPECT_THAT(order_of(CellOrder::seconds), ElementsAre(2, 0, 1, 3));
}

}  // namespace
}  // namespace cape::prediction
