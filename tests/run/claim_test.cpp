#include "run/claim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <latch>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "trainer_client/support.h"

namespace cape::run {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// The id of a process that has ended and was waited for.
pid_t dead_pid() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  return pid;
}

class ClaimTest : public testing::Test {
 protected:
  const std::filesystem::path& directory() const { return directory_.path(); }

  /// Puts a claim as another process would leave it.
  std::filesystem::path put(grid::Part part, const std::string& host, pid_t pid,
                            const std::string& slurm_job = "",
                            const std::string& slurm_restart = "") {
    auto file =
        directory() / fmt::format("mlp-{}of{}.claim", part.index, part.count);
    std::ofstream(file) << nlohmann::json{{"grid", "mlp"},
                                          {"part", part.index},
                                          {"parts", part.count},
                                          {"host", host},
                                          {"pid", pid},
                                          {"started", "2024-05-01T12:00:00Z"},
                                          {"slurm_job", slurm_job},
                                          {"slurm_restart", slurm_restart}};
    return file;
  }

  /// Why `part` of `name` cannot be claimed; empty when it can.
  std::string error_message(grid::Part part, const std::string& name = "mlp") {
    try {
      const Claim claim(directory(), name, part);
      return "";
    } catch (const UserError& error) {
      return error.what();
    }
  }

  trainer_client::TemporaryDirectory directory_;
};

TEST_F(ClaimTest, AnotherRunOfTheSamePartIsRefusedByName) {
  put({1, 4}, "elsewhere", 4711);
  EXPECT_THAT(error_message({1, 4}),
              AllOf(HasSubstr("part 1 of 4"), HasSubstr("process 4711"),
                    HasSubstr("elsewhere"), HasSubstr("2024-05-01"),
                    HasSubstr("mlp-1of4.claim")));
}

TEST_F(ClaimTest, OtherPartsOfTheSameDivisionAreFine) {
  put({1, 4}, "elsewhere", 4711);
  EXPECT_EQ(error_message({0, 4}), "");
  EXPECT_EQ(error_message({3, 4}), "");
}

TEST_F(ClaimTest, AnotherDivisionIsRefused) {
  put({1, 4}, "elsewhere", 4711);
  EXPECT_THAT(error_message({0, 2}), HasSubstr("overlaps part 0 of 2"));
  EXPECT_THAT(error_message({}), HasSubstr("overlaps part 0 of 1"));
}

TEST_F(ClaimTest, OtherGridsInTheSameDirectoryAreFine) {
  const Claim held(directory(), "mlp-large", {0, 1});
  EXPECT_EQ(error_message({0, 1}, "mlp"), "");
  EXPECT_THAT(error_message({0, 2}, "mlp-large"), HasSubstr("is being run"));
}

TEST_F(ClaimTest, ALiveProcessOfThisMachineHoldsItsClaim) {
  put({0, 1}, host_name(), ::getppid());
  EXPECT_THAT(error_message({0, 1}), HasSubstr("is being run"));
}

TEST_F(ClaimTest, AClaimOfADeadProcessIsTakenOver) {
  put({0, 1}, host_name(), dead_pid());
  EXPECT_EQ(error_message({0, 1}), "");
  put({0, 3}, host_name(), dead_pid());
  EXPECT_EQ(error_message({0, 1}), "") << "of another division, too";
}

TEST_F(ClaimTest, AClaimOfAProcessThatNobodyWaitedForIsTakenOver) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t ended;  // but stays a zombie
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT),
            0);
  put({0, 1}, host_name(), pid);
  EXPECT_EQ(error_message({0, 1}), "");
  ::waitpid(pid, nullptr, 0);
}

TEST_F(ClaimTest, AClaimWithoutAHeartbeatForThreeMinutesIsTakenOver) {
  const auto file = put({0, 1}, "elsewhere", 4711);
  const auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(file, now - std::chrono::minutes(2));
  EXPECT_THAT(error_message({0, 1}), HasSubstr("is being run"));
  std::filesystem::last_write_time(file, now - std::chrono::minutes(4));
  EXPECT_EQ(error_message({0, 1}), "");
}

TEST_F(ClaimTest, AClaimOfAnEarlierRunOfTheSameSlurmJobIsTakenOver) {
  const trainer_client::Variable id("SLURM_JOB_ID", "77");
  const trainer_client::Variable restart("SLURM_RESTART_COUNT", "1");
  put({0, 1}, "elsewhere", 4711, "77", "1");
  EXPECT_THAT(error_message({0, 1}), HasSubstr("Slurm job 77"));
  put({0, 1}, "elsewhere", 4711, "77", "");
  EXPECT_EQ(error_message({0, 1}), "") << "the job was queued again";
}

TEST_F(ClaimTest, AClaimOfASlurmJobThatHasEndedIsTakenOver) {
  const auto squeue = directory() / "bin/squeue";
  std::filesystem::create_directory(squeue.parent_path());
  const trainer_client::Variable path(
      "PATH", squeue.parent_path().string() + ":/usr/bin:/bin");
  const auto file = put({0, 1}, "elsewhere", 4711, "77");
  trainer_client::write_script(squeue, "echo RUNNING");
  EXPECT_THAT(error_message({0, 1}), HasSubstr("Slurm job 77"));
  trainer_client::write_script(squeue,
                               "echo cannot reach the controller >&2; exit 1");
  EXPECT_THAT(error_message({0, 1}), HasSubstr("Slurm job 77"))
      << "it is not sure";
  trainer_client::write_script(
      squeue,
      "echo slurm_load_jobs error: Invalid job id specified >&2; "
      "exit 1");
  EXPECT_EQ(error_message({0, 1}), "");
  put({0, 1}, "elsewhere", 4711, "77");
  trainer_client::write_script(squeue, "exit 0");
  EXPECT_EQ(error_message({0, 1}), "");
}

TEST_F(ClaimTest, NothingButANumberReachesAShell) {
  put({0, 1}, "elsewhere", 4711, "7; touch " + (directory() / "x").string());
  EXPECT_THAT(error_message({0, 1}), HasSubstr("is being run"));
  EXPECT_FALSE(std::filesystem::exists(directory() / "x"));
}

TEST_F(ClaimTest, BeatsWhileItLives) {
  const Claim claim(directory(), "mlp", {0, 1}, std::chrono::milliseconds(1));
  const auto file = directory() / "mlp-0of1.claim";
  const auto old =
      std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
  std::filesystem::last_write_time(file, old);
  while (std::filesystem::last_write_time(file) == old) {
    std::this_thread::yield();
  }
}

TEST_F(ClaimTest, LeavesAClaimThatAnotherRunHasTakenOver) {
  {
    const Claim claim(directory(), "mlp", {0, 1});
    put({0, 1}, "elsewhere", 4711);
  }
  EXPECT_THAT(error_message({0, 1}), HasSubstr("process 4711"));
}

TEST_F(ClaimTest, OfManyThatStartAtTheSameMomentOneGetsIt) {
  put({0, 1}, host_name(), dead_pid());  // which all find stale
  std::atomic<int> got = 0, refused = 0;
  std::latch decided(8);
  {
    std::vector<std::jthread> runs;
    for (int i = 0; i < 8; ++i) {
      runs.emplace_back([&] {
        std::optional<Claim> claim;
        try {
          claim.emplace(directory(), "mlp", grid::Part{0, 1});
          ++got;
        } catch (const UserError&) {
          ++refused;
        }
        decided.arrive_and_wait();
      });
    }
  }
  EXPECT_EQ(got, 1);
  EXPECT_EQ(refused, 7);
}

TEST_F(ClaimTest, ADamagedClaimIsTakenOver) {
  std::ofstream(directory() / "mlp-0of1.claim") << R"({"grid": "mlp", "pa)";
  EXPECT_EQ(error_message({0, 1}), "");
}

TEST_F(ClaimTest, SaysWhoHoldsItAndGoesWithTheObject) {
  {
    const Claim claim(directory(), "mlp", {2, 5});
    const auto json =
        nlohmann::json::parse(read_file(directory() / "mlp-2of5.claim"));
    EXPECT_EQ(json["pid"], ::getpid());
    EXPECT_EQ(json["host"], host_name());
    EXPECT_EQ(json["part"], 2);
    EXPECT_EQ(json["parts"], 5);
    EXPECT_THAT(json["started"].get<std::string>(), StartsWith("20"));
    EXPECT_THAT(error_message({2, 5}), HasSubstr("is being run"));
  }
  EXPECT_THAT(std::vector(std::filesystem::directory_iterator(directory()),
                          std::filesystem::directory_iterator()),
              IsEmpty());
}

}  // namespace
}  // namespace cape::run
