#include "worker/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/support.h"

namespace cape::worker {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class PublisherTest : public testing::Test {
 protected:
  PublisherTest() : out_(directory_.path() / "out") {}

  Publisher make(const std::vector<std::string>& overrides = {}) const {
    return make_publisher(trainer_client::small_grid(overrides), out_, "small");
  }

  static std::vector<shard::Row> one_row() { return {shard::Row()}; }

  trainer_client::TemporaryDirectory directory_;
  std::filesystem::path out_;  ///< is not there yet
  trainer_client::LogCapture log_;
};

TEST_F(PublisherTest, PublishesWhenItIsTime) {
  std::filesystem::create_directory(out_);
  Publisher publisher = make({"output.flush_seconds=3600"});
  publisher.add(one_row(), {});
  publisher.poll();
  EXPECT_FALSE(publisher.all_published()) << "in an hour";
  publisher.publish_soon();
  publisher.poll();
  EXPECT_TRUE(publisher.all_published());
  EXPECT_THAT(trainer_client::rows_in(out_), SizeIs(1));
}

TEST_F(PublisherTest, KeepsWhatItCannotPublish) {
  Publisher publisher = make();
  publisher.add(one_row(), {});
  publisher.add({"key", trial::criteria_of({0.1}), "a trial", "why", 3});
  EXPECT_FALSE(publisher.publish());
  EXPECT_THAT(publisher.error(), HasSubstr("No such file or directory"));
  EXPECT_FALSE(publisher.all_published());
  EXPECT_EQ(publisher.unpublished_rows(), 1);

  std::filesystem::create_directory(out_);
  EXPECT_TRUE(publisher.publish());
  EXPECT_TRUE(publisher.all_published());
  EXPECT_EQ(publisher.error(), "");
  EXPECT_THAT(trainer_client::rows_in(out_), SizeIs(1));
  EXPECT_THAT(read_quarantine(out_), SizeIs(1));
}

TEST_F(PublisherTest, TriesAgainAfterAFailure) {
  Publisher publisher = make({"output.flush_seconds=3600"});
  publisher.add(one_row(), {});
  publisher.publish_soon();
  publisher.poll();
  EXPECT_FALSE(publisher.gave_up());
  EXPECT_THAT(log_.text(), HasSubstr("1 rows wait in memory, trying again"));
  std::filesystem::create_directory(out_);
  while (!publisher.all_published()) publisher.poll();
  EXPECT_THAT(trainer_client::rows_in(out_), SizeIs(1));
}

TEST_F(PublisherTest, TriesAgainSoonAfterAFailureThatTookLong) {
  Publisher::Clock::time_point time{};
  const auto slow = [&] { return time += std::chrono::seconds(20); };
  Publisher publisher =
      make_publisher(trainer_client::small_grid({"output.flush_seconds=0"}),
                     out_, "small", slow);
  publisher.add(one_row(), {});
  publisher.poll();
  EXPECT_THAT(log_.text(), HasSubstr("trying again"));
  std::filesystem::create_directory(out_);
  publisher.poll();
  EXPECT_TRUE(publisher.all_published()) << "20 s later";
}

TEST_F(PublisherTest, GivesUpWhenItHasFailedForTooLong) {
  Publisher publisher =
      make({"output.flush_seconds=0", "output.retry_seconds=0"});
  publisher.add(one_row(), {});
  publisher.poll();
  EXPECT_TRUE(publisher.gave_up());
  EXPECT_THAT(log_.text(), HasSubstr("giving up"));
}

TEST_F(PublisherTest, GivesUpWhenTooMuchWaits) {
  Publisher publisher = make({"output.flush_seconds=0"});
  const std::vector<float> losses(Publisher::kMostWaitingBytes / sizeof(float));
  publisher.add(one_row(), losses);
  publisher.poll();
  EXPECT_TRUE(publisher.gave_up());
}

}  // namespace
}  // namespace cape::worker
