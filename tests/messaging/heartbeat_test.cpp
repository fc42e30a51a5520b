#include "messaging/heartbeat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "messaging/messages.h"

namespace cape::messaging {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// Three ranks whose time passes as a test wants it.
class HeartbeatTest : public ::testing::Test {
 protected:
  HeartbeatTest() {
    for (const auto& rank : ranks_) hearts_.emplace_back(*rank, 60, now_);
  }

  /// A second's turns of these ranks: each hears what it was sent, then beats.
  void pass(int seconds, const std::vector<std::size_t>& alive) {
    for (int second = 0; second < seconds; ++second) {
      now_ += milliseconds(1000);
      for (const std::size_t rank : alive) {
        while (const auto message = ranks_[rank]->receive()) {
          EXPECT_EQ(message->tag, kTagAlive);
          hearts_[rank].heard(message->source);
          ++heard_;
        }
        hearts_[rank].tick(now_);
      }
    }
  }

  std::vector<std::unique_ptr<Communicator>> ranks_ = connect_in_process(3);
  Heartbeat::Clock::time_point now_ = Heartbeat::Clock::now();
  std::vector<Heartbeat> hearts_;
  int heard_ = 0;
};

TEST_F(HeartbeatTest, RanksThatBeatStayForEver) {
  pass(1000, {0, 1, 2});
  EXPECT_GT(heard_, 200);
  EXPECT_LT(heard_, 1000) << "not at every turn";
}

TEST_F(HeartbeatTest, TheFirstRankMissesASilentOneByName) {
  pass(100, {0, 1, 2});
  pass(45, {0, 1});
  try {
    pass(30, {0, 1});
    FAIL() << "not missed";
  } catch (const StoppedError& error) {
    EXPECT_THAT(error.what(), HasSubstr("rank 2 has been silent for 1 min"));
  }
}

TEST_F(HeartbeatTest, TheOthersMissTheFirst) {
  pass(45, {1, 2});
  EXPECT_THROW(pass(30, {1}), StoppedError);
  EXPECT_THROW(pass(30, {2}), StoppedError);
}

TEST_F(HeartbeatTest, AnyMessageIsASignOfLife) {
  for (int i = 0; i < 10; ++i) {
    pass(30, {0, 2});
    hearts_[0].heard(1);
  }
  pass(40, {0, 2});
}

TEST_F(HeartbeatTest, AProcessThatWasSuspendedTakesNobodyForDead) {
  pass(10, {0, 1, 2});
  now_ += std::chrono::hours(1);
  pass(10, {0, 1, 2});
}

}  // namespace
}  // namespace cape::messaging
