#include "worker/claim.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "support.h"

namespace cape {
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
  std::filesystem::path put(Part part, const std::string& host, pid_t pid) {
    auto file =
        directory() / fmt::format("mlp-{}of{}.claim", part.index, part.count);
    std::ofstream(file) << nlohmann::json{
        {"grid", "mlp"},       {"part", part.index},
        {"parts", part.count}, {"host", host},
        {"pid", pid},          {"started", "2024-05-01T12:00:00Z"},
        {"slurm_job", ""}};
    return file;
  }

  /// Why `part` of `name` cannot be claimed; empty when it can.
  std::string refusal(Part part, const std::string& name = "mlp") {
    try {
      const Claim claim(directory(), name, part);
      return "";
    } catch (const UserError& error) {
      return error.what();
    }
  }

  TemporaryDirectory directory_;
};

TEST_F(ClaimTest, AnotherRunOfTheSamePartIsRefusedByName) {
  put({1, 4}, "elsewhere", 4711);
  EXPECT_THAT(refusal({1, 4}),
              AllOf(HasSubstr("part 1 of 4"), HasSubstr("process 4711"),
                    HasSubstr("elsewhere"), HasSubstr("2024-05-01"),
                    HasSubstr("mlp-1of4.claim")));
}

TEST_F(ClaimTest, OtherPartsOfTheSameDivisionAreFine) {
  put({1, 4}, "elsewhere", 4711);
  EXPECT_EQ(refusal({0, 4}), "");
  EXPECT_EQ(refusal({3, 4}), "");
}

TEST_F(ClaimTest, AnotherDivisionIsRefused) {
  put({1, 4}, "elsewhere", 4711);
  EXPECT_THAT(refusal({0, 2}), HasSubstr("overlaps part 0 of 2"));
  EXPECT_THAT(refusal({}), HasSubstr("overlaps part 0 of 1"));
}

TEST_F(ClaimTest, OtherGridsInTheSameDirectoryAreFine) {
  const Claim held(directory(), "mlp-large", {0, 1});
  EXPECT_EQ(refusal({0, 1}, "mlp"), "");
  EXPECT_THAT(refusal({0, 2}, "mlp-large"), HasSubstr("is being run"));
}

TEST_F(ClaimTest, ALiveProcessOfThisMachineHoldsItsClaim) {
  put({0, 1}, host_name(), ::getppid());
  EXPECT_THAT(refusal({0, 1}), HasSubstr("is being run"));
}

TEST_F(ClaimTest, AClaimOfADeadProcessIsTakenOver) {
  put({0, 1}, host_name(), dead_pid());
  EXPECT_EQ(refusal({0, 1}), "");
  put({0, 3}, host_name(), dead_pid());
  EXPECT_EQ(refusal({0, 1}), "") << "of another division, too";
}

TEST_F(ClaimTest, AClaimOfAProcessThatNobodyWaitedForIsTakenOver) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t ended;  // but stays a zombie
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT),
            0);
  put({0, 1}, host_name(), pid);
  EXPECT_EQ(refusal({0, 1}), "");
  ::waitpid(pid, nullptr, 0);
}

TEST_F(ClaimTest, AClaimWithoutAHeartbeatForThreeMinutesIsTakenOver) {
  const auto file = put({0, 1}, "elsewhere", 4711);
  const auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(file, now - std::chrono::minutes(2));
  EXPECT_THAT(refusal({0, 1}), HasSubstr("is being run"));
  std::filesystem::last_write_time(file, now - std::chrono::minutes(4));
  EXPECT_EQ(refusal({0, 1}), "");
}

TEST_F(ClaimTest, ADamagedClaimIsTakenOver) {
  std::ofstream(directory() / "mlp-0of1.claim") << R"({"grid": "mlp", "pa)";
  EXPECT_EQ(refusal({0, 1}), "");
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
    EXPECT_THAT(refusal({2, 5}), HasSubstr("is being run"));
  }
  EXPECT_THAT(std::vector(std::filesystem::directory_iterator(directory()),
                          std::filesystem::directory_iterator()),
              IsEmpty());
}

}  // namespace
}  // namespace cape
