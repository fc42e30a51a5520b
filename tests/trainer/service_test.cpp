#include "trainer/service.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "core/error.h"
#include "core/files.h"
#include "trainer/dataset_cache.h"
#include "trainer/support.h"

namespace cape::trainer {
namespace {

using testing::HasSubstr;

/// Allows this process `more` bytes than it has, while it lives.
class AddressSpaceLimit {
 public:
  explicit AddressSpaceLimit(std::int64_t more) {
    std::int64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    getrlimit(RLIMIT_AS, &before_);
    rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE) + more);
    setrlimit(RLIMIT_AS, &limit);
  }
  ~AddressSpaceLimit() { setrlimit(RLIMIT_AS, &before_); }
  AddressSpaceLimit(const AddressSpaceLimit&) = delete;
  AddressSpaceLimit& operator=(const AddressSpaceLimit&) = delete;

 private:
  rlimit before_{};
};

/// A folder with mnist files, and tasks that fit it.
class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    write_mnist(noise_dataset(), folder_.path());
    const std::string directory = folder_.path().string();
    task_ = small_task();
    task_.dataset = {"mnist", directory,
                     datasets::load_from("mnist", directory).info.fingerprint};
  }

  /// What the trainer answers to these lines.
  std::vector<trial::TrainerMessage> answers(const std::string& lines) {
    const std::string in = folder_.path() / "in";
    const std::string out = folder_.path() / "out";
    std::ofstream(in) << lines;
    serve(open(in.c_str(), O_RDONLY),
          open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), "cpu");
    return messages_in(read_file(out));
  }

  /// The kind and message of the failure that answers `task`.
  trial::Failure failure_of(const trial::TrialTask& task) {
    const auto messages = answers(encode(task));
    if (messages.size() != 2 ||
        !std::holds_alternative<trial::Failure>(messages[1])) {
      ADD_FAILURE() << "no failure";
      return {};
    }
    return std::get<trial::Failure>(messages[1]);
  }

  TemporaryDirectory folder_;
  trial::TrialTask task_;
};

TEST_F(ServiceTest, SaysHelloAndLeavesAtTheEndOfInput) {
  const auto messages = answers("");
  ASSERT_EQ(messages.size(), 1U);
  const auto& hello = std::get<trial::Hello>(messages[0]);
  EXPECT_EQ(hello.protocol, trial::kTaskProtocolVersion);
  EXPECT_EQ(hello.device, "cpu");
  EXPECT_FALSE(hello.torch.empty());
}

TEST_F(ServiceTest, AnswersEveryTaskInOrder) {
  trial::TrialTask second = task_;
  second.trajectory = std::string(32, 'b');
  second.seed = 5;
  const auto messages = answers(encode(task_) + encode(second));
  ASSERT_EQ(messages.size(), 3U);
  EXPECT_EQ(std::get<trial::TrialResult>(messages[1]).trajectory,
            task_.trajectory);
  EXPECT_EQ(std::get<trial::TrialResult>(messages[2]).trajectory,
            second.trajectory);
}

TEST_F(ServiceTest, SendsAResultWithoutAnUpdate) {
  std::get<trial::BatchSteps>(task_.target).max_steps = 1;
  const auto messages = answers(encode(task_));
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_TRUE(
      std::isnan(std::get<trial::TrialResult>(messages[1]).step_seconds));
}

TEST_F(ServiceTest, GoesOnAfterAFailedTask) {
  trial::TrialTask bad = task_;
  bad.batch_size = 1000;
  const auto messages = answers(encode(bad) + encode(task_));
  ASSERT_EQ(messages.size(), 3U);
  const auto& failure = std::get<trial::Failure>(messages[1]);
  EXPECT_EQ(failure.trajectory, bad.trajectory);
  EXPECT_EQ(failure.kind, "exception");
  EXPECT_THAT(failure.message, HasSubstr("1000"));
  EXPECT_TRUE(std::holds_alternative<trial::TrialResult>(messages[2]));
}

TEST_F(ServiceTest, NamesADataSetThatChanged) {
  task_.dataset.fingerprint = "other";
  const trial::Failure failure = failure_of(task_);
  EXPECT_EQ(failure.kind, "dataset");
  EXPECT_THAT(failure.message, HasSubstr("other"));
  EXPECT_THAT(failure.message, HasSubstr(folder_.path().string()));
}

TEST_F(ServiceTest, NamesADataSetThatIsNotThere) {
  task_.dataset.directory = folder_.path() / "nothing";
  const trial::Failure failure = failure_of(task_);
  EXPECT_EQ(failure.kind, "dataset");
  EXPECT_THAT(failure.message, HasSubstr("nothing"));
}

TEST_F(ServiceTest, SaysWhenMemoryRunsOut) {
  // A second layer of 17 GB.
  task_.architecture = zoo::Mlp{.layers = 2, .width = 65536};
  const AddressSpaceLimit limit(2L << 30);
  const trial::Failure failure = failure_of(task_);
  EXPECT_EQ(failure.kind, "out_of_memory") << failure.message;
}

TEST_F(ServiceTest, TakesHalfALineForTheEnd) {
  const std::string line = encode(task_);
  EXPECT_EQ(answers(line.substr(0, line.size() / 2)).size(), 1U);
}

TEST_F(ServiceTest, RefusesWhatIsNoTask) {
  EXPECT_THROW(answers("garbage\n"), Error);
}

TEST(ServiceDescriptorTest, RefusesADescriptorThatIsNotOpen) {
  EXPECT_THROW(serve(1000, 1001, "cpu"), UserError);
}

TEST(DatasetCacheTest, ReadsADataSetOnce) {
  TemporaryDirectory folder;
  write_mnist(noise_dataset(), folder.path());
  const std::string directory = folder.path().string();
  const trial::DatasetRef ref = {
      "mnist", directory,
      datasets::load_from("mnist", directory).info.fingerprint};
  DatasetCache cache;
  const datasets::Dataset& first = cache.open(ref);
  std::filesystem::remove(folder.path() / "train-images-idx3-ubyte");
  EXPECT_EQ(&cache.open(ref), &first);
  EXPECT_EQ(first.info.samples, 200);
}

}  // namespace
}  // namespace cape::trainer
