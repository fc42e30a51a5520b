#include "prediction/ask_trainers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "core/error.h"
#include "trainer_client/support.h"

namespace cape::prediction {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class AskTrainersTest : public testing::Test {
 protected:
  AskTrainersTest() {
    std::signal(SIGPIPE, SIG_IGN);
    for (std::int64_t i = 0; i < grid_.trajectories(); ++i) {
      trajectories_.push_back(grid_.trajectory(i, grid_.all_criteria()));
      trajectories_.back().task.timed_steps = 3;
    }
  }

  std::vector<Answer> ask(const std::string& wishes, int trainers = 1,
                          std::optional<double> timeout = {}) {
    const std::vector<trainer_client::TrainerCommand> commands(
        static_cast<std::size_t>(trainers),
        trainer_client::fake_trainer(folder_.path(), wishes));
    return ask_trainers(trajectories_, commands, timeout,
                        [&](std::size_t answered) { answered_ = answered; });
  }

  std::string error_message(const std::string& wishes) {
    try {
      ask(wishes);
    } catch (const UserError& error) {
      return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
  }

  /// Expects errors for trial 1, and nothing but answers for the others.
  void expect_only_trial_1_lost(const std::vector<Answer>& answers,
                                const std::string& why) {
    ASSERT_EQ(answers.size(), trajectories_.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const bool lost = trajectories_[i].trial == 1;
      EXPECT_EQ(answers[i].result.has_value(), !lost) << i;
      EXPECT_THAT(answers[i].error, HasSubstr(lost ? why : ""));
    }
  }

  trainer_client::TemporaryDirectory folder_;
  trainer_client::LogCapture log_;
  grid::Grid grid_ = trainer_client::small_grid();
  std::vector<grid::Trajectory> trajectories_;
  std::size_t answered_ = 0;
};

TEST_F(AskTrainersTest, AnswersInTheOrderOfTheTrajectories) {
  const auto answers = ask("", 3);
  ASSERT_EQ(answers.size(), trajectories_.size());
  EXPECT_EQ(answered_, trajectories_.size());
  for (std::size_t i = 0; i < answers.size(); ++i) {
    ASSERT_TRUE(answers[i].result) << answers[i].error;
    EXPECT_EQ(answers[i].result->trajectory, trajectories_[i].task.trajectory);
    EXPECT_TRUE(answers[i].result->outcomes.empty());
  }
}

TEST_F(AskTrainersTest, LosesWhatATrainerDiesOnAndGoesOn) {
  expect_only_trial_1_lost(ask("crash@t1"), "signal 11");
}

TEST_F(AskTrainersTest, TellsWhatATrainerCouldNotDo) {
  expect_only_trial_1_lost(ask("failure@t1"), "exception: on demand");
  expect_only_trial_1_lost(ask("poisoned@t1"), "exception: on demand");
}

TEST_F(AskTrainersTest, RefusesWrongAnswersAndGarbage) {
  expect_only_trial_1_lost(ask("wrong_parameters@t1"), "parameters");
  expect_only_trial_1_lost(ask("long_curve@t1"), "more than a probe");
  expect_only_trial_1_lost(ask("garbage@t1"), "not a line");
}

TEST_F(AskTrainersTest, GivesUpOnATrainerThatHangs) {
  for (const Answer& answer : ask("hang", 2, 0.01)) {
    EXPECT_FALSE(answer.result);
    EXPECT_THAT(answer.error, HasSubstr("no answer within"));
  }
}

TEST_F(AskTrainersTest, RefusesATrainerThatDoesNotStart) {
  EXPECT_THAT(error_message("exit_at_start"),
              AllOf(HasSubstr("does not start"),
                    HasSubstr("cannot load its libraries")));
  EXPECT_THAT(error_message("wrong_protocol"), HasSubstr("another build"));
  EXPECT_THAT(error_message("no_hello"), HasSubstr("before its hello"));
}

}  // namespace
}  // namespace cape::prediction
