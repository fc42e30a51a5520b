// Workers against trainers that misbehave.
#include "worker/worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/files.h"
#include "worker/support.h"

namespace cape::worker {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kAllRows = 36;  // of small_grid()

class WorkerTest : public testing::Test {
 protected:
  const std::filesystem::path& directory() const { return directory_.path(); }

  /// The rows of a farm that nothing disturbs.
  static std::vector<shard::Row> expected(const grid::Grid& grid) {
    const trainer_client::TemporaryDirectory other;
    EXPECT_EQ(run_small_farm(grid, other.path()).code, kExitDone);
    return trainer_client::rows_in(other.path());
  }

  FarmSetup setup(const std::string& wishes, std::size_t slots = 1) const {
    return {.trainers = std::vector<trainer_client::TrainerCommand>(
                slots, trainer_client::fake_trainer(scripts_.path(), wishes))};
  }

  trainer_client::TemporaryDirectory directory_;
  trainer_client::TemporaryDirectory scripts_;
};

TEST_F(WorkerTest, MeasuresEveryCellOnce) {
  const grid::Grid grid = trainer_client::small_grid();
  const FarmResult result = run_small_farm(grid, directory());
  EXPECT_EQ(result.code, kExitDone);
  EXPECT_EQ(result.tally.rows, 36);
  const auto rows = trainer_client::rows_in(directory());
  ASSERT_THAT(rows, SizeIs(kAllRows));
  std::int64_t converged = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_TRUE(i == 0 || rows[i].key.view() != rows[i - 1].key.view());
    EXPECT_TRUE(grid.find(rows[i].trajectory.view()));
    converged += rows[i].converged ? 1 : 0;
  }
  EXPECT_EQ(result.tally.converged, converged);
  EXPECT_GT(converged, 0);
  EXPECT_LT(converged, 36) << "the made-up curves censor some epsilons";
  EXPECT_TRUE(trainer_client::has_no_children());
}

TEST_F(WorkerTest, WaitsAsLongAsAnyTimeoutSays) {
  const grid::Grid grid =
      trainer_client::small_grid({"workers.trial_timeout=1e300"});
  EXPECT_EQ(run_small_farm(grid, directory()).code, kExitDone);
  EXPECT_THAT(trainer_client::rows_in(directory()), SizeIs(kAllRows));
}

TEST_F(WorkerTest, RowsDoNotDependOnRanksAndSlots) {
  const grid::Grid grid = trainer_client::small_grid();
  const auto rows = expected(grid);
  for (const int ranks : {1, 2, 4}) {
    for (const std::size_t slots : {1, 3}) {
      const trainer_client::TemporaryDirectory out;
      FarmSetup many = setup("", slots);
      many.ranks = ranks;
      EXPECT_EQ(run_small_farm(grid, out.path(), many).code, kExitDone);
      trainer_client::expect_same_rows(trainer_client::rows_in(out.path()),
                                       rows);
    }
  }
}

TEST_F(WorkerTest, DoesOnlyWhatIsMissing) {
  const grid::Grid grid = trainer_client::small_grid();
  FarmSetup rest = setup("");
  rest.done[2] = 0b101;
  rest.done[7] = grid.all_criteria();
  const FarmResult result = run_small_farm(grid, directory(), rest);
  EXPECT_EQ(result.code, kExitDone);
  EXPECT_EQ(result.tally.rows, 31);
  std::vector<double> epsilons;
  for (const shard::Row& row : trainer_client::rows_in(directory())) {
    EXPECT_NE(row.trajectory.view(), grid.trajectory_key(7));
    if (row.trajectory.view() == grid.trajectory_key(2)) {
      epsilons.push_back(row.epsilon);
    }
  }
  EXPECT_THAT(epsilons, testing::ElementsAre(
                            trial::epsilon_of(grid.group(0).criteria[1])));
}

/// Every way to fail at a task, with a word of the reason that is given.
struct Failing {
  const char* kind;
  const char* reason;
};

void PrintTo(const Failing& failing, std::ostream* out) {
  *out << failing.kind;
}

class FailingTrainerTest : public WorkerTest,
                           public testing::WithParamInterface<Failing> {};

TEST_P(FailingTrainerTest, GivesTheRowsOfAnUndisturbedRun) {
  const grid::Grid grid = trainer_client::small_grid();
  const FarmResult result = run_small_farm(
      grid, directory(), setup(std::string(GetParam().kind) + "@2"));
  EXPECT_EQ(result.code, kExitDone);
  EXPECT_THAT(read_quarantine(directory()), IsEmpty());
  trainer_client::expect_same_rows(trainer_client::rows_in(directory()),
                                   expected(grid));
  EXPECT_TRUE(trainer_client::has_no_children());
}

TEST_P(FailingTrainerTest, CostsOneAttemptAtOneTrial) {
  const grid::Grid grid =
      trainer_client::small_grid({"grid.learning_rate=[1e-3]",
                                  "grid.batch_size=[16]", "workers.retries=0"});
  const FarmResult result = run_small_farm(
      grid, directory(), setup(std::string(GetParam().kind) + "@2"));
  EXPECT_EQ(result.code, kExitSomeFailed);
  EXPECT_EQ(result.tally.failed, 3);
  EXPECT_THAT(trainer_client::rows_in(directory()), SizeIs(6));
  const auto failed = read_quarantine(directory());
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_EQ(failed[0].trajectory, grid.trajectory_key(1));
  EXPECT_EQ(failed[0].criteria, grid.group(0).criteria);
  EXPECT_EQ(failed[0].attempts, 1);
  EXPECT_THAT(failed[0].error, HasSubstr(GetParam().reason));
  EXPECT_THAT(failed[0].description, HasSubstr("mlp"));
  EXPECT_THAT(failed[0].description, HasSubstr("mnist"));
}

INSTANTIATE_TEST_SUITE_P(
    AllKinds, FailingTrainerTest,
    testing::Values(Failing{"crash", "signal 11"}, Failing{"abort", "signal 6"},
                    Failing{"kill9", "signal 9"},
                    Failing{"exit", "exit code 0"},
                    Failing{"exit7", "exit code 7; it said: last words"},
                    Failing{"garbage", "Segmentation fault"},
                    Failing{"binary", "not a line"},
                    Failing{"other_json", "not a line"},
                    Failing{"half_curve", "the trainer ended"},
                    Failing{"endless_line", "without end"},
                    Failing{"failure", "exception: on demand"},
                    Failing{"out_of_memory", "out_of_memory"},
                    Failing{"wrong_trajectory", "another trajectory"},
                    Failing{"wrong_parameters", "parameters"},
                    Failing{"wrong_initial_loss", "initial loss"},
                    Failing{"wrong_outcome", "not that of its curve"},
                    Failing{"missing_outcome", "not one outcome a criterion"},
                    Failing{"short_curve", "the curve ends"},
                    Failing{"long_curve", "the curve ends"}),
    [](const auto& parameter) { return parameter.param.kind; });

TEST_F(WorkerTest, ATrainerThatHangsIsKilledAndItsTrialDoneAgain) {
  const grid::Grid grid = trainer_client::small_grid(
      {"grid.trials=1", "workers.trial_timeout=0.5", "workers.retries=9"});
  const trainer_client::Variable once("FAKE_TRAINER_ONCE",
                                      scripts_.path().string());
  const trainer_client::LogCapture log;
  EXPECT_EQ(run_small_farm(grid, directory(), setup("hang@2")).code, kExitDone);
  EXPECT_THAT(log.text(), HasSubstr("no answer within"));
  trainer_client::expect_same_rows(trainer_client::rows_in(directory()),
                                   expected(grid));
  EXPECT_TRUE(trainer_client::has_no_children());
}

TEST_F(WorkerTest, AnswersNobodyAskedForChangeNoRow) {
  const grid::Grid grid = trainer_client::small_grid();
  const trainer_client::LogCapture log;
  EXPECT_EQ(run_small_farm(grid, directory(), setup("twice@2")).code,
            kExitDone);
  // The second may come when the next task has been sent.
  EXPECT_THAT(log.text(), testing::AnyOf(HasSubstr("answered without a task"),
                                         HasSubstr("another trajectory")));
  trainer_client::expect_same_rows(trainer_client::rows_in(directory()),
                                   expected(grid));
}

TEST_F(WorkerTest, WhatTrainersPrintGoesToTheLogWithTheirName) {
  const trainer_client::LogCapture log;
  const grid::Grid grid = trainer_client::small_grid();
  EXPECT_EQ(run_small_farm(grid, directory(), setup("chatter")).code,
            kExitDone);
  EXPECT_THAT(log.text(),
              HasSubstr("rank 0 trainer 0: a warning of a library"));
  trainer_client::expect_same_rows(trainer_client::rows_in(directory()),
                                   expected(grid));
}

TEST_F(WorkerTest, ATrialThatFailsEveryTimeIsQuarantinedAndTheRestIsDone) {
  const grid::Grid grid = trainer_client::small_grid({"grid.batch_size=[16]"});
  const FarmResult result =
      run_small_farm(grid, directory(), setup("crash@t1", 2));
  EXPECT_EQ(result.code, kExitSomeFailed);
  EXPECT_EQ(result.early_reason, "");
  EXPECT_EQ(result.tally.failed, 6);
  EXPECT_THAT(trainer_client::rows_in(directory()), SizeIs(kAllRows / 2 - 6));
  const auto failed = read_quarantine(directory());
  ASSERT_THAT(failed, SizeIs(2)) << "trial 1 of each group";
  for (const FailedTrial& trial : failed) {
    EXPECT_EQ(trial.attempts, 3) << "one and two retries";
    EXPECT_THAT(trial.description, HasSubstr("trial 1"));
  }
}

TEST_F(WorkerTest, ATrialAfterWhichATrainerFailsAtEverythingFailsAlone) {
  const grid::Grid grid =
      trainer_client::small_grid({"grid.batch_size=[16]", "workers.retries=0"});
  EXPECT_EQ(run_small_farm(grid, directory(), setup("poisoned@t1")).code,
            kExitSomeFailed);
  const auto failed = read_quarantine(directory());
  ASSERT_THAT(failed, SizeIs(2)) << "trial 1 of each group";
  for (const FailedTrial& trial : failed)
    EXPECT_THAT(trial.description, HasSubstr("trial 1"));
}

TEST_F(WorkerTest, ASlotWhoseTrainersDieOnDifferentTrialsIsClosed) {
  const grid::Grid grid = trainer_client::small_grid({"workers.retries=0"});
  const trainer_client::LogCapture log;
  const FarmResult result = run_small_farm(grid, directory(), setup("crash"));
  EXPECT_EQ(result.code, kExitStopped);
  EXPECT_THAT(result.early_reason, HasSubstr("no trainer works"));
  EXPECT_THAT(result.early_reason, HasSubstr("signal 11"));
  EXPECT_THAT(read_quarantine(directory()), SizeIs(3));
  EXPECT_THAT(log.text(), HasSubstr("died again and again"));
}

TEST_F(WorkerTest, ABrokenSlotIsClosedBeforeATrialIsBlamed) {
  const trainer_client::LogCapture log;
  const FarmResult result =
      run_small_farm(trainer_client::small_grid(), directory(), setup("crash"));
  EXPECT_EQ(result.code, kExitStopped);
  EXPECT_THAT(read_quarantine(directory()), IsEmpty());
  EXPECT_EQ(result.tally.failed, 0);
}

/// Five networks, the first of which is the most expensive.
grid::Grid grid_of_networks() {
  return trainer_client::small_grid(
      {"grid.models=[{family: mlp, architectures: [{width: [512, 256, 128, 64, "
       "32]}]}]",
       "grid.batch_size=[16]", "workers.retries=1"});
}

std::string network_at(const grid::Grid& grid, std::int64_t trajectory) {
  return zoo::short_name(
      grid.trajectory(trajectory, grid.all_criteria()).task.architecture);
}

class DeadlyNetworks : public WorkerTest {
 protected:
  /// Trainers die on these networks of grid_of_networks(), all others are
  /// measured.
  void expect_others_measured(const std::set<std::string>& deadly,
                              std::size_t slots) {
    const grid::Grid grid = grid_of_networks();
    std::string wishes;
    for (const std::string& name : deadly) wishes += ",crash@" + name;
    const trainer_client::TemporaryDirectory out;
    const FarmResult result =
        run_small_farm(grid, out.path(), setup(wishes.substr(1), slots));
    EXPECT_EQ(result.code, kExitSomeFailed) << result.early_reason;
    const auto bad = static_cast<std::int64_t>(deadly.size());
    EXPECT_THAT(read_quarantine(out.path()),
                SizeIs(grid.trajectories() * bad / 5));
    const auto rows = trainer_client::rows_in(out.path());
    EXPECT_THAT(rows, SizeIs(grid.cells() * (5 - bad) / 5));
    for (const shard::Row& row : rows) {
      EXPECT_FALSE(deadly.contains(row.architecture.str()));
    }
  }
};

TEST_F(DeadlyNetworks, CloseNoSlot) {
  const grid::Grid grid = grid_of_networks();
  const std::string largest = network_at(grid, 0);
  const std::string smallest = network_at(grid, grid.trajectories() - 1);
  const trainer_client::LogCapture log;
  for (const std::size_t slots : {1, 2}) {
    expect_others_measured({largest}, slots);
    expect_others_measured({smallest}, slots);
    expect_others_measured({largest, smallest}, slots);
  }
  EXPECT_THAT(log.text(), HasSubstr("it is tested with"));
  EXPECT_THAT(log.text(), Not(HasSubstr("closed")));
}

TEST_F(DeadlyNetworks, AreTriedAgainWithoutTheOthers) {
  const grid::Grid grid = grid_of_networks();
  const std::string deadly = network_at(grid, grid.trajectories() - 1);
  FarmSetup again = setup("crash@" + deadly, 2);
  std::size_t left = 0;
  for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
    if (network_at(grid, i) == deadly) {
      ++left;
    } else {
      again.done[i] = grid.all_criteria();
    }
  }
  const FarmResult result = run_small_farm(grid, directory(), again);
  EXPECT_EQ(result.code, kExitSomeFailed) << result.early_reason;
  EXPECT_THAT(read_quarantine(directory()), SizeIs(left));
}

TEST_F(WorkerTest, ASlotThatFailsItsTestIsClosedAndBlamesNoTrial) {
  const trainer_client::LogCapture log;
  const FarmResult result =
      run_small_farm(grid_of_networks(), directory(), setup("crash"));
  EXPECT_EQ(result.code, kExitStopped);
  EXPECT_THAT(log.text(), HasSubstr("it is tested with mlp_2x"));
  EXPECT_THAT(result.early_reason, HasSubstr("no trainer works"));
  EXPECT_THAT(read_quarantine(directory()), IsEmpty());
}

TEST_F(WorkerTest, ARankWithoutAWorkingTrainerLeavesItsWorkToTheOthers) {
  const grid::Grid grid = trainer_client::small_grid();
  const trainer_client::LogCapture log;
  for (const char* wish : {"exit_at_start", "crash"}) {
    const trainer_client::TemporaryDirectory out;
    FarmSetup mixed = setup("", 2);
    mixed.ranks = 3;
    mixed.last_rank = setup(wish, 2).trainers;
    const FarmResult result = run_small_farm(grid, out.path(), mixed);
    EXPECT_EQ(result.code, kExitDone) << result.early_reason;
    EXPECT_EQ(result.tally.failed, 0);
    trainer_client::expect_same_rows(trainer_client::rows_in(out.path()),
                                     expected(grid));
  }
  EXPECT_THAT(log.text(), HasSubstr("rank 2 does no more work"));
}

TEST_F(WorkerTest, WhatRunsOutOfMemoryIsTriedAgainAlone) {
  const grid::Grid grid = trainer_client::small_grid({"workers.retries=1"});
  const trainer_client::Variable folder("FAKE_TRAINER_BUSY",
                                        scripts_.path().string());
  const trainer_client::Variable pace("FAKE_TRAINER_MS", "5");
  const trainer_client::LogCapture log;
  EXPECT_EQ(run_small_farm(grid, directory(), setup("crowded", 3)).code,
            kExitDone);
  EXPECT_THAT(log.text(), HasSubstr("out_of_memory")) << "nobody was crowded";
  EXPECT_THAT(read_quarantine(directory()), IsEmpty());
  trainer_client::expect_same_rows(trainer_client::rows_in(directory()),
                                   expected(grid));
}

TEST_F(WorkerTest, OneTrialThatKillsThreeTrainersDoesNotCloseASlot) {
  const grid::Grid grid = trainer_client::small_grid(
      {"grid.learning_rate=[1e-3]", "grid.batch_size=[16]"});
  const trainer_client::LogCapture log;
  const FarmResult result =
      run_small_farm(grid, directory(), setup("crash@t0"));
  EXPECT_EQ(result.code, kExitSomeFailed);
  EXPECT_THAT(trainer_client::rows_in(directory()), SizeIs(6));
  EXPECT_THAT(log.text(), Not(HasSubstr("closed")));
}

TEST_F(WorkerTest, ASlotWithoutAWorkingTrainerLeavesItsWorkToTheOthers) {
  const grid::Grid grid = trainer_client::small_grid();
  const trainer_client::LogCapture log;
  FarmSetup mixed = setup("exit_at_start");
  mixed.trainers.push_back(trainer_client::fake_trainer(scripts_.path(), ""));
  EXPECT_EQ(run_small_farm(grid, directory(), mixed).code, kExitDone);
  EXPECT_THAT(log.text(), HasSubstr("rank 0 trainer 0: closed"));
  trainer_client::expect_same_rows(trainer_client::rows_in(directory()),
                                   expected(grid));
}

class StartTest : public WorkerTest,
                  public testing::WithParamInterface<Failing> {};

TEST_P(StartTest, ATrainerThatNeverStartsBlamesNoTrial) {
  const grid::Grid grid =
      trainer_client::small_grid({"workers.trial_timeout=0.5"});
  const trainer_client::LogCapture log;
  const FarmResult result =
      run_small_farm(grid, directory(), setup(GetParam().kind));
  EXPECT_EQ(result.code, kExitStopped);
  EXPECT_THAT(result.early_reason, HasSubstr(GetParam().reason));
  EXPECT_EQ(result.tally.failed, 0);
  EXPECT_THAT(read_quarantine(directory()), IsEmpty());
  EXPECT_TRUE(trainer_client::has_no_children());
}

INSTANTIATE_TEST_SUITE_P(
    AllKinds, StartTest,
    testing::Values(Failing{"exit_at_start", "cannot load its libraries"},
                    Failing{"silent_start", "did not start within"},
                    Failing{"wrong_protocol", "it is of another build"},
                    Failing{"no_hello", "before its hello"}),
    [](const auto& parameter) { return parameter.param.kind; });

TEST_F(WorkerTest, AProgramThatIsNotThereBlamesNoTrial) {
  FarmSetup missing;
  missing.trainers[0].program = "/nowhere/cape_trainer";
  const trainer_client::LogCapture log;
  const FarmResult result =
      run_small_farm(trainer_client::small_grid(), directory(), missing);
  EXPECT_EQ(result.code, kExitStopped);
  EXPECT_THAT(result.early_reason, HasSubstr("/nowhere/cape_trainer"));
  EXPECT_THAT(read_quarantine(directory()), IsEmpty());
}

}  // namespace
}  // namespace cape::worker
