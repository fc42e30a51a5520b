// How a worker ends: told to, out of time, and out of room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"
#include "worker/support.h"

namespace cape::worker {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class EndingTest : public testing::Test {
 protected:
  /// A worker of one slot that has been leased trajectories 0 to `items` - 1.
  void start(std::int64_t items, const std::string& wishes = "") {
    worker_ =
        make_worker(grid_, *rank_, directory_.path() / "out",
                    {trainer_client::fake_trainer(directory_.path(), wishes)});
    std::vector<messaging::WorkItem> lease;
    for (std::int64_t i = 0; i < items; ++i) {
      lease.push_back({i, grid_.all_criteria()});
    }
    worker_->handle(
        {.tag = messaging::kTagLease, .body = messaging::pack(lease)});
  }

  void SetUp() override {
    std::filesystem::create_directory(directory_.path() / "out");
  }

  /// Takes what the worker sent, so far.
  void collect() {
    while (const auto message = rank_->receive()) {
      if (message->tag == messaging::kTagOutcomes) {
        for (const auto& o :
             messaging::unpack<messaging::Outcome>(message->body)) {
          outcomes_.push_back(o);
        }
      } else if (message->tag == messaging::kTagTrouble) {
        trouble_ = message->body;
      } else if (message->tag == messaging::kTagPublished) {
        published_ = message->body;
      }
    }
  }

  void poll_until_outcomes(std::size_t count) {
    poll_until(*worker_, [&] {
      collect();
      return outcomes_.size() >= count;
    });
  }

  void poll_until_published() {
    poll_until(*worker_, [&] { return worker_->published(); });
    collect();
  }

  std::vector<shard::Row> rows() const {
    return trainer_client::rows_in(directory_.path() / "out");
  }

  trainer_client::TemporaryDirectory directory_;
  grid::Grid grid_ = trainer_client::small_grid(
      {"output.flush_seconds=3600", "output.retry_seconds=0"});
  std::unique_ptr<messaging::Communicator> rank_ =
      std::move(messaging::connect_in_process(1).front());
  std::unique_ptr<Worker> worker_;
  std::vector<messaging::Outcome> outcomes_;
  std::string trouble_;
  std::string published_ = "not yet";
};

TEST_F(EndingTest, StopPublishesWhatIsDoneWithoutWaitingForWhatRuns) {
  start(3, "hang@3");
  poll_until_outcomes(2);
  EXPECT_THAT(rows(), IsEmpty()) << "nothing is due before an hour";
  worker_->end(messaging::Ending::stop);
  worker_->poll(std::chrono::milliseconds(0));
  EXPECT_TRUE(worker_->published());
  collect();
  EXPECT_EQ(published_, "");
  EXPECT_THAT(rows(), SizeIs(6));
  EXPECT_TRUE(trainer_client::has_no_children());
}

TEST_F(EndingTest, DrainFinishesWhatRunsAndStartsNothing) {
  start(4);
  worker_->poll(std::chrono::milliseconds(0));  // starts the first
  worker_->end(messaging::Ending::drain);
  poll_until_published();
  ASSERT_THAT(rows(), SizeIs(3));
  EXPECT_EQ(rows()[0].trajectory.view(), grid_.trajectory_key(0));
  EXPECT_TRUE(trainer_client::has_no_children());
}

TEST_F(EndingTest, AStopOvertakesADrain) {
  start(2, "hang@2");
  poll_until_outcomes(1);
  worker_->poll(std::chrono::milliseconds(0));
  worker_->end(messaging::Ending::drain);
  worker_->poll(std::chrono::milliseconds(1));
  EXPECT_FALSE(worker_->published());
  worker_->handle({.tag = messaging::kTagEnd,
                   .body = messaging::pack_one(messaging::Ending::stop)});
  poll_until_published();
  EXPECT_THAT(rows(), SizeIs(3));
}

TEST_F(EndingTest, ATrialThatFailsWhileDrainingIsLeftForTheNextRun) {
  start(1, "crash@1");
  worker_->poll(std::chrono::milliseconds(0));
  worker_->end(messaging::Ending::drain);
  poll_until_published();
  EXPECT_THAT(rows(), IsEmpty());
  EXPECT_THAT(outcomes_, IsEmpty());
  EXPECT_THAT(read_quarantine(directory_.path() / "out"), IsEmpty());
}

TEST_F(EndingTest, RowsThatCannotBePublishedWaitUntilTheyCanBe) {
  grid_ = trainer_client::small_grid({"output.flush_seconds=0"});
  const auto out = directory_.path() / "out";
  const auto away = directory_.path() / "away";
  const trainer_client::LogCapture log;
  start(3);
  poll_until_outcomes(1);
  poll_until(*worker_, [&] { return !trainer_client::rows_in(out).empty(); });
  std::filesystem::rename(out, away);
  poll_until_outcomes(3);
  poll_until(*worker_, [&] {
    return log.text().find("wait in memory, trying again") != std::string::npos;
  });
  EXPECT_THAT(log.text(), HasSubstr("No such file or directory"));
  std::filesystem::rename(away, out);
  poll_until(*worker_, [&] { return rows().size() == 9; });
  collect();
  EXPECT_EQ(trouble_, "");
}

TEST_F(EndingTest, ARunThatCannotPublishForTooLongIsInTrouble) {
  grid_ = trainer_client::small_grid(
      {"output.flush_seconds=0", "output.retry_seconds=0"});
  const auto out = directory_.path() / "out";
  const auto away = directory_.path() / "away";
  std::filesystem::rename(out, away);
  start(3);
  poll_until_outcomes(3);
  poll_until(*worker_, [&] {
    collect();
    return !trouble_.empty();
  });
  EXPECT_THAT(trouble_, HasSubstr("No such file or directory"));
  // Told to end, it tries a last time.
  std::filesystem::rename(away, out);
  worker_->handle({.tag = messaging::kTagEnd,
                   .body = messaging::pack_one(messaging::Ending::stop)});
  poll_until_published();
  EXPECT_EQ(published_, "");
  EXPECT_THAT(rows(), SizeIs(9));
}

TEST_F(EndingTest, TheEndWaitsForRowsThatCannotBePublishedYet) {
  grid_ = trainer_client::small_grid({"output.flush_seconds=3600"});
  const auto out = directory_.path() / "out";
  const auto away = directory_.path() / "away";
  const trainer_client::LogCapture log;
  start(2);
  poll_until_outcomes(2);
  std::filesystem::rename(out, away);
  worker_->handle({.tag = messaging::kTagEnd,
                   .body = messaging::pack_one(messaging::Ending::finish)});
  poll_until(*worker_, [&] { return !log.text().empty(); });
  EXPECT_FALSE(worker_->published());
  std::filesystem::rename(away, out);
  poll_until_published();
  EXPECT_EQ(published_, "");
  EXPECT_THAT(rows(), SizeIs(6));
}

TEST_F(EndingTest, AnAbandonedWorkerPublishesWithoutAWordToOthers) {
  start(3, "hang@3");
  poll_until_outcomes(2);
  EXPECT_EQ(worker_->abandon(), "");
  EXPECT_THAT(rows(), SizeIs(6));
  EXPECT_TRUE(trainer_client::has_no_children());
  collect();
  EXPECT_EQ(published_, "not yet");
}

TEST_F(EndingTest, RowsThatAreLostInTheEndAreCounted) {
  start(2);
  poll_until_outcomes(2);
  std::filesystem::remove_all(directory_.path() / "out");
  worker_->handle({.tag = messaging::kTagEnd,
                   .body = messaging::pack_one(messaging::Ending::finish)});
  poll_until_published();
  EXPECT_THAT(published_, HasSubstr("6 rows are lost"));
}

TEST_F(EndingTest, ARunThatCannotPublishIsStoppedEarly) {
  // The directory is gone from the start.
  const FarmResult result =
      run_small_farm(trainer_client::small_grid(
                         {"output.flush_seconds=0", "output.retry_seconds=0"}),
                     directory_.path() / "nowhere");
  EXPECT_EQ(result.code, kExitStopped);
  EXPECT_THAT(result.early_reason, HasSubstr("nowhere"));
}

TEST_F(EndingTest, ATrialThatCannotBeQuarantinedStopsTheRun) {
  FarmSetup failing;
  failing.trainers = {
      trainer_client::fake_trainer(directory_.path(), "failure")};
  const FarmResult result =
      run_small_farm(trainer_client::small_grid({"output.retry_seconds=0"}),
                     directory_.path() / "nowhere", failing);
  EXPECT_EQ(result.code, kExitStopped);
  EXPECT_THAT(result.early_reason, HasSubstr("failed-"));
}

TEST_F(EndingTest, WhatDoesNotFitTheDeadlineIsGivenBack) {
  const grid::Grid slow =
      trainer_client::small_grid({"workers.gflops=0.000001"});
  Worker::Options options{
      .trainers = {trainer_client::fake_trainer(directory_.path(), "")},
      .make_publications = measured_rows(slow.config().output),
      .deadline = Worker::Clock::now() + std::chrono::seconds(10)};
  Worker worker(slow, *rank_,
                make_publisher(slow, directory_.path() / "out", "small"),
                options);
  worker.handle({.tag = messaging::kTagLease,
                 .body = messaging::pack_one(
                     messaging::WorkItem{0, slow.all_criteria()})});
  worker.poll(std::chrono::milliseconds(0));
  collect();
  ASSERT_THAT(outcomes_, SizeIs(1));
  EXPECT_EQ(outcomes_[0].verdict, messaging::Verdict::not_started);
  EXPECT_TRUE(trainer_client::has_no_children());
}

}  // namespace
}  // namespace cape::worker
