#include "core/subprocess.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include "core/error.h"

namespace cape {
namespace {

using testing::HasSubstr;
using testing::Optional;
using testing::StartsWith;

/// A child that runs `script`, its pipes at descriptors 3 and 4.
class Shell : public Subprocess {
 public:
  explicit Shell(const std::string& script,
                 const std::vector<std::string>& variables = {})
      : Subprocess({"/bin/sh", "-c", script}, variables) {}

  /// All it writes until it closes its output.
  std::string all_output() {
    return read_to_end(output(), [this](auto& b) { return read_output(b); });
  }
  std::string all_error_output() {
    return read_to_end(error_output(),
                       [this](auto& b) { return read_error_output(b); });
  }

  std::string wait() {
    while (true) {
      if (auto how = ended()) return *how;
      ::poll(nullptr, 0, 1);
    }
  }

 private:
  static std::string read_to_end(
      int descriptor, const std::function<bool(std::string&)>& read) {
    std::string bytes;
    pollfd ready{descriptor, POLLIN, 0};
    do {
      ::poll(&ready, 1, -1);
    } while (read(bytes));
    return bytes;
  }
};

class SubprocessTest : public testing::Test {
 protected:
  SubprocessTest() { std::signal(SIGPIPE, SIG_IGN); }
  ~SubprocessTest() override {
    EXPECT_TRUE(::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD)
        << "a child is left, dead or alive";
    std::signal(SIGPIPE, SIG_DFL);
  }
};

TEST_F(SubprocessTest, SignalsToAProcessGroupDoNotEndIt) {
  for (const char* signal : {"HUP", "INT", "QUIT", "TERM", "USR1", "USR2"}) {
    Shell shell(fmt::format("kill -{} $$; echo alive >&4", signal));
    EXPECT_EQ(shell.all_output(), "alive\n") << signal;
    EXPECT_FALSE(shell.was_killed());
  }
}

TEST_F(SubprocessTest, KnowsThatItWasKilled) {
  Shell shell("kill -KILL $$");
  EXPECT_THAT(shell.wait(), HasSubstr("signal 9"));
  EXPECT_TRUE(shell.was_killed());
}

TEST_F(SubprocessTest, IsSpokenToOverTwoPipes) {
  Shell child("while read line <&3; do echo \"<$line>\" >&4; done");
  EXPECT_TRUE(child.write("one\ntwo\n"));
  std::string answer;
  while (answer.size() < 12) ASSERT_TRUE(child.read_output(answer));
  EXPECT_EQ(answer, "<one>\n<two>\n");
}

TEST_F(SubprocessTest, StandardErrorHasAPipeOfItsOwn) {
  Shell child("echo careful >&2; echo answer >&4");
  EXPECT_EQ(child.all_output(), "answer\n");
  EXPECT_EQ(child.all_error_output(), "careful\n");
}

TEST_F(SubprocessTest, TheChildHasNoOtherDescriptors) {
  // Even one that its opener forgot to close on exec.
  const FileHandle leaked(::open("/dev/null", O_RDONLY));
  const FileHandle high(::fcntl(leaked.get(), F_DUPFD, 200));
  const Shell sibling("read line <&3");
  Shell child(
      "fd=0; while [ $fd -lt 300 ]; do"
      "  [ -e /proc/$$/fd/$fd ] && echo -n \"$fd \" >&4; fd=$((fd + 1));"
      "done");
  EXPECT_EQ(child.all_output(), "0 1 2 3 4 ");
}

TEST_F(SubprocessTest, VariablesGoOverTheEnvironment) {
  ::setenv("CAPE_SUBPROCESS_A", "ours", 1);
  ::setenv("CAPE_SUBPROCESS_B", "kept", 1);
  Shell child(
      "env | grep -c ^CAPE_SUBPROCESS_A= >&4;"
      "echo $CAPE_SUBPROCESS_A $CAPE_SUBPROCESS_B >&4",
      {"CAPE_SUBPROCESS_A=theirs"});
  EXPECT_EQ(child.all_output(), "1\ntheirs kept\n");
}

TEST_F(SubprocessTest, TheChildStartsWithDefaultSignals) {
  // SIGPIPE is ignored here; an ignored signal would be inherited.
  Shell child("kill -PIPE $$; echo survived >&4");
  EXPECT_EQ(child.all_output(), "");
  EXPECT_THAT(child.wait(), HasSubstr("signal 13"));
}

TEST_F(SubprocessTest, SaysHowTheChildEnded) {
  EXPECT_EQ(Shell("exit 0").wait(), "exit code 0");
  EXPECT_EQ(Shell("exit 42").wait(), "exit code 42");
  EXPECT_THAT(Shell("kill -KILL $$").wait(),
              StartsWith("killed by signal 9 (Killed"));
  Shell again("exit 3");
  again.wait();
  EXPECT_THAT(again.ended(), Optional(std::string("exit code 3")));
}

TEST_F(SubprocessTest, AChildThatRunsHasNotEnded) {
  Shell child("read line <&3");
  EXPECT_EQ(child.ended(), std::nullopt);
  EXPECT_TRUE(child.write("now\n"));
  EXPECT_EQ(child.wait(), "exit code 0");
}

TEST_F(SubprocessTest, WritingToAChildThatDoesNotReadIsFalseNotFatal) {
  Shell gone("exit 0");
  gone.wait();
  EXPECT_FALSE(gone.write("task\n"));
  Shell deaf("exec 3<&-; echo ready >&4; exec 4>&-; exec tail -f /dev/null");
  EXPECT_EQ(deaf.all_output(), "ready\n");
  EXPECT_FALSE(deaf.write("task\n"));
}

TEST_F(SubprocessTest, WhatADeadChildWroteCanStillBeRead) {
  Shell child("echo last >&4; kill -KILL $$");
  child.wait();
  std::string bytes;
  EXPECT_FALSE(child.read_output(bytes));
  EXPECT_EQ(bytes, "last\n");
}

TEST_F(SubprocessTest, OneThatNeverStopsWritingDoesNotHoldTheReader) {
  Shell child("exec cat /dev/zero >&4");
  std::string bytes;
  while (bytes.empty()) EXPECT_TRUE(child.read_output(bytes));
  EXPECT_LT(bytes.size(), 32U << 20);
}

TEST_F(SubprocessTest, KillsAndReapsWhatIgnoresEverythingElse) {
  Shell child("trap '' TERM INT HUP; echo >&4; read line <&3");
  std::string bytes;
  while (bytes.empty()) child.read_output(bytes);
  child.kill();
  EXPECT_THAT(child.ended(), Optional(HasSubstr("signal 9")));
  EXPECT_EQ(::kill(child.pid(), 0), -1);
  child.kill();  // nothing left to do
}

TEST_F(SubprocessTest, KillsAndReapsTheChildWithTheObject) {
  pid_t pid = 0;
  {
    const Shell child("read line <&3");
    pid = child.pid();
    EXPECT_EQ(::kill(pid, 0), 0);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(SubprocessTest, AProgramThatIsNotThereIsAnErrorThatNamesIt) {
  try {
    const Subprocess child({"/nowhere/at_all"}, {});
    FAIL() << "started";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/at_all"));
    EXPECT_THAT(error.what(), HasSubstr("No such file"));
  }
}

}  // namespace
}  // namespace cape
