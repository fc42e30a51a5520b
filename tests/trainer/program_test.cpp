// cape_trainer as a process.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/subprocess.h"
#include "trainer/support.h"

namespace cape::trainer {
namespace {

using testing::HasSubstr;

const std::string kProgram = CAPE_BINARY_DIR "/cape_trainer";

class Trainer {
 public:
  Trainer()
      : process_({kProgram, "--in", std::to_string(Subprocess::kChildIn),
                  "--out", std::to_string(Subprocess::kChildOut)},
                 {}) {}

  pid_t pid() const { return process_.pid(); }

  /// Waits for the next message; nothing when the trainer has gone.
  std::optional<trial::TrainerMessage> next() {
    while (true) {
      if (auto message = reader_.next()) return message;
      pollfd arrival{process_.output(), POLLIN, 0};
      poll(&arrival, 1, -1);
      std::string bytes;
      const bool more = process_.read_output(bytes);
      reader_.append(bytes);
      if (!more && bytes.empty()) return std::nullopt;
    }
  }

  trial::TrialResult measure(const trial::TrialTask& task) {
    EXPECT_TRUE(process_.write(encode(task)));
    const auto message = next();
    if (!message || !std::holds_alternative<trial::TrialResult>(*message)) {
      ADD_FAILURE() << "no result";
      return {};
    }
    return std::get<trial::TrialResult>(*message);
  }

 private:
  Subprocess process_;
  trial::TrainerMessageReader reader_;
};

class ProgramTest : public testing::Test {
 protected:
  ProgramTest() {
    write_mnist(noise_dataset(), folder_.path());
    const std::string directory = folder_.path().string();
    task_ = small_task();
    task_.dataset = {"mnist", directory,
                     datasets::load_from("mnist", directory).info.fingerprint};
  }

  /// Runs the program with `options`; its exit code, and stdout and stderr in
  /// `printed`.
  int run(const std::string& options) {
    const std::string file = folder_.path() / "printed";
    const std::string command =
        kProgram + " " + options + " >" + file + " 2>&1";
    const int status = std::system(command.c_str());  // NOLINT: a test's own
    printed_ = read_file(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  TemporaryDirectory folder_;
  trial::TrialTask task_;
  std::string printed_;
};

TEST_F(ProgramTest, TwoProcessesMeasureTheSameToTheBit) {
  trial::TrialTask other = task_;
  other.seed = 77;
  other.batch_size = 9;
  Trainer fresh;
  Trainer used;
  EXPECT_TRUE(fresh.next() && used.next());
  used.measure(other);
  expect_same(fresh.measure(task_), used.measure(task_));
}

TEST_F(ProgramTest, IgnoresWhatLaunchersSendToAProcessGroup) {
  Trainer trainer;
  ASSERT_TRUE(trainer.next());
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
    ASSERT_EQ(kill(trainer.pid(), signal), 0);
  }
  EXPECT_EQ(trainer.measure(task_).trajectory, task_.trajectory);
}

TEST_F(ProgramTest, SendsWhatLibrariesPrintToStandardError) {
  Trainer trainer;
  ASSERT_TRUE(trainer.next());
  const std::filesystem::path descriptors =
      "/proc/" + std::to_string(trainer.pid()) + "/fd";
  EXPECT_EQ(std::filesystem::read_symlink(descriptors / "1"),
            std::filesystem::read_symlink(descriptors / "2"));
}

TEST_F(ProgramTest, ListsDevicesAsJson) {
  EXPECT_EQ(run("--list-devices"), 0);
  const auto list = nlohmann::json::parse(printed_);
  EXPECT_EQ(list.at("devices").at(0), "cpu");
  EXPECT_TRUE(list.contains("torch"));
}

TEST_F(ProgramTest, NamesItsVersionAndTorchs) {
  EXPECT_EQ(run("--version"), 0);
  EXPECT_THAT(printed_, HasSubstr("cape_trainer"));
  EXPECT_THAT(printed_, HasSubstr("LibTorch"));
}

TEST_F(ProgramTest, RefusesBadOptions) {
  EXPECT_EQ(run(""), 2);
  EXPECT_THAT(printed_, HasSubstr("--in and --out"));
  EXPECT_EQ(run("--in 3 --out 4 --device tpu 3</dev/null 4>/dev/null"), 2);
  EXPECT_THAT(printed_, HasSubstr("tpu"));
  EXPECT_EQ(run("--in 3 --out 4 --device cuda:99 3</dev/null 4>/dev/null"), 2);
  EXPECT_THAT(printed_, HasSubstr("cuda:99"));
  EXPECT_EQ(run("--in 77 --out 78"), 2);
  EXPECT_THAT(printed_, HasSubstr("77"));
  EXPECT_EQ(run("--threads 0"), 2);
}

}  // namespace
}  // namespace cape::trainer
