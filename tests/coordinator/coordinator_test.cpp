#include "coordinator/coordinator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grid/sample_grid.h"

namespace cape::coordinator {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StrEq;

using std::chrono::hours;
using std::chrono::seconds;

Coordinator::Clock::time_point from_now(Coordinator::Clock::duration time) {
  return Coordinator::Clock::now() + time;
}

/// The coordinator on rank 0 of two, and what the ranks hear from it.
class CoordinatorTest : public ::testing::Test {
 protected:
  /// 3 trajectories with 2 epsilons each.
  void start(Coordinator::Options options = {}) {
    coordinator_.emplace(grid_, *ranks_[0], std::move(options));
  }

  void say(int rank, int tag, const std::string& body) {
    coordinator_->handle({rank, tag, body});
  }

  /// The next message to `rank`, which must be of this kind.
  std::string heard(int rank, int tag) {
    const auto message = ranks_[static_cast<std::size_t>(rank)]->receive();
    if (!message) return "nothing";
    EXPECT_EQ(message->tag, tag);
    EXPECT_EQ(message->source, 0);
    return message->body;
  }

  bool hears_nothing(int rank) {
    return !ranks_[static_cast<std::size_t>(rank)]->receive().has_value();
  }

  /// What `rank` gets when it asks for work for `slots` trainers.
  std::vector<messaging::WorkItem> lease(int rank, std::int32_t slots) {
    say(rank, messaging::kTagRequest,
        messaging::pack_one(messaging::Request{slots}));
    return leased(rank);
  }

  /// What `rank` has been leased meanwhile.
  std::vector<messaging::WorkItem> leased(int rank) {
    const auto message = ranks_[static_cast<std::size_t>(rank)]->receive();
    if (!message) return {};
    EXPECT_EQ(message->tag, messaging::kTagLease);
    return messaging::unpack<messaging::WorkItem>(message->body);
  }

  void report(int rank, std::int64_t index, messaging::Verdict verdict,
              double seconds = 1) {
    say(rank, messaging::kTagOutcomes,
        messaging::pack_one(messaging::Outcome{index, seconds, verdict,
                                               /*converged=*/1, 0b11}));
  }

  void expect_ending(messaging::Ending ending) {
    for (const int rank : {0, 1}) {
      EXPECT_EQ(messaging::unpack_one<messaging::Ending>(
                    heard(rank, messaging::kTagEnd)),
                ending);
      EXPECT_TRUE(hears_nothing(rank));
    }
  }

  void publish() {
    say(0, messaging::kTagPublished, "");
    EXPECT_FALSE(coordinator_->finished());
    say(1, messaging::kTagPublished, "");
    EXPECT_TRUE(coordinator_->finished());
    for (const int rank : {0, 1})
      EXPECT_EQ(heard(rank, messaging::kTagLeave), "");
  }

  const grid::Grid grid_ = grid::make_grid(grid::single_group());
  std::vector<std::unique_ptr<messaging::Communicator>> ranks_ =
      messaging::connect_in_process(2);
  std::optional<Coordinator> coordinator_;
};

TEST_F(CoordinatorTest, EndsWhenEveryLeaseHasItsOutcome) {
  start();
  EXPECT_THAT(lease(0, 1), SizeIs(1));
  EXPECT_THAT(lease(1, 2), SizeIs(2));
  EXPECT_THAT(lease(0, 1), IsEmpty());
  report(0, 0, messaging::Verdict::measured);
  report(1, 1, messaging::Verdict::measured);
  coordinator_->tick();
  EXPECT_TRUE(hears_nothing(1));
  report(1, 2, messaging::Verdict::measured);
  coordinator_->tick();
  expect_ending(messaging::Ending::finish);
  publish();
  EXPECT_EQ(coordinator_->exit_code(), kExitDone);
  EXPECT_THAT(coordinator_->early_reason(), IsEmpty());
}

TEST_F(CoordinatorTest, CountsCells) {
  start({.done = {{0, 0b11}}, .done_before = 2});
  lease(1, 2);
  report(1, 1, messaging::Verdict::measured);
  report(1, 2, messaging::Verdict::quarantined);
  const Tally& tally = coordinator_->tally();
  EXPECT_EQ(tally.total, 6);
  EXPECT_EQ(tally.done_before, 2);
  EXPECT_EQ(tally.rows, 2);
  EXPECT_EQ(tally.converged, 1);
  EXPECT_EQ(tally.failed, 2);
  EXPECT_EQ(tally.left(), 0);
}

TEST_F(CoordinatorTest, SaysThatSomeFailed) {
  start();
  lease(1, 3);
  for (const int index : {0, 1}) report(1, index, messaging::Verdict::measured);
  report(1, 2, messaging::Verdict::quarantined);
  EXPECT_EQ(coordinator_->exit_code(), kExitSomeFailed);
}

TEST_F(CoordinatorTest, SaysThatSomeFailedInAnEarlierRun) {
  start({.done = {{0, 0b11}, {1, 0b11}, {2, 0b11}},
         .done_before = 4,
         .failed_before = 2});
  EXPECT_THAT(lease(0, 1), IsEmpty());
  coordinator_->tick();
  expect_ending(messaging::Ending::finish);
  EXPECT_EQ(coordinator_->exit_code(), kExitSomeFailed);
}

TEST_F(CoordinatorTest, DrainsEveryRankWhenOneIsSignalled) {
  start();
  EXPECT_THAT(lease(1, 1), SizeIs(1));
  say(1, messaging::kTagSignalled,
      messaging::pack_one(messaging::Ending::drain));
  expect_ending(messaging::Ending::drain);
  EXPECT_THAT(lease(0, 1), IsEmpty());
  report(1, 0, messaging::Verdict::measured);
  coordinator_->tick();
  publish();
  EXPECT_EQ(coordinator_->tally().rows, 2);
  EXPECT_EQ(coordinator_->exit_code(), kExitStopped);
  EXPECT_THAT(coordinator_->early_reason(), StrEq("rank 1 received a signal"));
}

TEST_F(CoordinatorTest, StopsWhatDrainsButDoesNotDrainWhatStops) {
  start();
  say(1, messaging::kTagSignalled,
      messaging::pack_one(messaging::Ending::drain));
  expect_ending(messaging::Ending::drain);
  say(1, messaging::kTagSignalled,
      messaging::pack_one(messaging::Ending::drain));
  EXPECT_TRUE(hears_nothing(1));
  say(0, messaging::kTagSignalled,
      messaging::pack_one(messaging::Ending::stop));
  expect_ending(messaging::Ending::stop);
  say(1, messaging::kTagSignalled,
      messaging::pack_one(messaging::Ending::drain));
  EXPECT_TRUE(hears_nothing(1));
  EXPECT_THAT(coordinator_->early_reason(), StrEq("rank 1 received a signal"));
}

TEST_F(CoordinatorTest, StopsEveryRankWhenOneCannotGoOn) {
  start();
  lease(1, 1);
  say(1, messaging::kTagTrouble, "no space left");
  expect_ending(messaging::Ending::stop);
  publish();
  EXPECT_EQ(coordinator_->exit_code(), kExitStopped);
  EXPECT_THAT(coordinator_->early_reason(), StrEq("rank 1: no space left"));
}

TEST_F(CoordinatorTest, ASignalWithTheLastRowStopsNothing) {
  start();
  lease(1, 3);
  for (const int index : {0, 1, 2})
    report(1, index, messaging::Verdict::measured);
  say(1, messaging::kTagSignalled,
      messaging::pack_one(messaging::Ending::stop));
  expect_ending(messaging::Ending::stop);
  publish();
  EXPECT_EQ(coordinator_->exit_code(), kExitDone);
  EXPECT_THAT(coordinator_->early_reason(), IsEmpty());
}

TEST_F(CoordinatorTest, LeasesWhatARankGivesBackToOneThatWaits) {
  start();
  EXPECT_THAT(lease(1, 3), SizeIs(3));
  EXPECT_THAT(lease(0, 1), IsEmpty());
  say(1, messaging::kTagOutcomes,
      messaging::pack_one(messaging::Outcome{2, 0, messaging::Verdict::returned,
                                             0, /*mask=*/0b10}));
  const auto items = leased(0);
  ASSERT_THAT(items, SizeIs(1));
  EXPECT_EQ(items[0].index, 2);
  EXPECT_EQ(items[0].mask, 0b10U);
  report(0, 2, messaging::Verdict::measured);
  for (const int index : {0, 1}) report(1, index, messaging::Verdict::measured);
  coordinator_->tick();
  expect_ending(messaging::Ending::finish);
}

TEST_F(CoordinatorTest, GoesOnWithoutARankWhoseTrainersDoNotWork) {
  start();
  EXPECT_THAT(lease(1, 3), SizeIs(3));
  EXPECT_THAT(lease(0, 1), IsEmpty());
  say(1, messaging::kTagClosed, "killed by signal 11");
  for (const int index : {0, 1, 2})
    report(1, index, messaging::Verdict::returned);
  coordinator_->tick();
  for (int done = 0; done < 3; ++done) {
    const auto items = done == 0 ? leased(0) : lease(0, 1);
    ASSERT_THAT(items, SizeIs(1));
    report(0, items[0].index, messaging::Verdict::measured);
  }
  coordinator_->tick();
  expect_ending(messaging::Ending::finish);
  publish();
  EXPECT_EQ(coordinator_->exit_code(), kExitDone);
}

TEST_F(CoordinatorTest, StopsWhenTheLastRankHasNoWorkingTrainer) {
  start();
  lease(1, 3);
  say(0, messaging::kTagClosed, "no GPU");
  EXPECT_TRUE(hears_nothing(0));
  say(1, messaging::kTagClosed, "killed by signal 11");
  expect_ending(messaging::Ending::stop);
  publish();
  EXPECT_EQ(coordinator_->exit_code(), kExitStopped);
  EXPECT_THAT(coordinator_->early_reason(), HasSubstr("no trainer works"));
  EXPECT_THAT(coordinator_->early_reason(), HasSubstr("signal 11"));
}

TEST_F(CoordinatorTest, SaysWhichRankCouldNotPublish) {
  start();
  lease(1, 3);
  for (const int index : {0, 1, 2})
    report(1, index, messaging::Verdict::measured);
  coordinator_->tick();
  say(1, messaging::kTagPublished, "3 rows are lost: no space left");
  say(0, messaging::kTagPublished, "");
  EXPECT_TRUE(coordinator_->finished());
  EXPECT_EQ(coordinator_->exit_code(), kExitStopped);
  EXPECT_THAT(coordinator_->early_reason(),
              StrEq("rank 1: 3 rows are lost: no space left"));
}

TEST_F(CoordinatorTest, CountsOutcomesThatComeAfterTheEnd) {
  start();
  lease(1, 1);
  say(0, messaging::kTagSignalled,
      messaging::pack_one(messaging::Ending::stop));
  report(1, 0, messaging::Verdict::measured);
  EXPECT_EQ(coordinator_->tally().rows, 2);
  EXPECT_EQ(coordinator_->tally().left(), 4);
}

TEST_F(CoordinatorTest, StopsShortlyBeforeTheTimeLimit) {
  start({.deadline = from_now(seconds(2))});
  coordinator_->tick();
  expect_ending(messaging::Ending::stop);
  EXPECT_EQ(coordinator_->exit_code(), kExitStopped);
  EXPECT_THAT(coordinator_->early_reason(), StrEq("the time limit is reached"));
}

TEST_F(CoordinatorTest, LeasesNothingThatDoesNotFitTheTimeLimit) {
  // At a thousand FLOPs a second a trajectory takes days.
  start({.speed = grid::SpeedEstimate(1e-6), .deadline = from_now(hours(1))});
  EXPECT_THAT(lease(1, 1), IsEmpty());
  coordinator_->tick();
  expect_ending(messaging::Ending::finish);
  EXPECT_EQ(coordinator_->exit_code(), kExitStopped);
  EXPECT_THAT(coordinator_->early_reason(), HasSubstr("does not fit the time"));
}

TEST_F(CoordinatorTest, LearnsFromOutcomesWhatFitsTheTimeLimit) {
  start({.deadline = from_now(hours(1))});
  EXPECT_THAT(lease(1, 1), SizeIs(1));
  report(1, 0, messaging::Verdict::measured, /*seconds=*/3000);
  EXPECT_THAT(lease(1, 1), IsEmpty());
}

TEST_F(CoordinatorTest, EndsEarlyWhenARankGivesBackWhatDoesNotFit) {
  start({.deadline = from_now(hours(1))});
  EXPECT_THAT(lease(1, 3), SizeIs(3));
  report(1, 0, messaging::Verdict::measured);
  report(1, 1, messaging::Verdict::not_started);
  report(1, 2, messaging::Verdict::not_started);
  coordinator_->tick();
  expect_ending(messaging::Ending::finish);
  EXPECT_EQ(coordinator_->tally().left(), 4);
  EXPECT_EQ(coordinator_->exit_code(), kExitStopped);
  EXPECT_THAT(coordinator_->early_reason(), HasSubstr("does not fit the time"));
}

TEST_F(CoordinatorTest, EstimatesTheTimeLeftFromCostSpeedAndTrainers) {
  start();
  EXPECT_EQ(coordinator_->eta(), std::nullopt);
  lease(0, 1);
  lease(1, 2);
  EXPECT_EQ(coordinator_->eta(), std::nullopt);
  // Two of three trajectories are left, at 12 seconds, for three trainers.
  report(0, 0, messaging::Verdict::measured, 12);
  EXPECT_NEAR(coordinator_->eta().value(), 8, 1e-9);
  report(1, 1, messaging::Verdict::measured, 12);
  EXPECT_NEAR(coordinator_->eta().value(), 4, 1e-9);
  report(1, 2, messaging::Verdict::measured, 12);
  EXPECT_GE(coordinator_->eta().value(), 0);
  EXPECT_NEAR(coordinator_->eta().value(), 0, 1e-9);
  coordinator_->tick();
  EXPECT_EQ(coordinator_->eta(), std::nullopt);
}

TEST_F(CoordinatorTest, EstimatesFromAGivenSpeedBeforeTheFirstOutcome) {
  start({.speed = grid::SpeedEstimate(10)});
  lease(1, 2);
  EXPECT_NEAR(coordinator_->eta().value(),
              3 * grid_.expected_flops(0) / 10e9 / 2, 1e-9);
}

TEST_F(CoordinatorTest, RefusesMessagesThatNoWorkerSends) {
  start();
  EXPECT_THROW(say(1, messaging::kTagLease, ""), Error);
  EXPECT_THROW(say(1, 99, ""), Error);
  EXPECT_THROW(say(1, messaging::kTagRequest, ""), Error);
  EXPECT_THROW(say(1, messaging::kTagRequest, "12345"), Error);
  EXPECT_THROW(say(1, messaging::kTagOutcomes, "12345"), Error);
}

}  // namespace
}  // namespace cape::coordinator
