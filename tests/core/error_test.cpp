#include "core/error.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

namespace cape {
namespace {

/// What `read_end` gives to its end.
std::string read_all(int read_end) {
  std::string text;
  std::array<char, 256> buffer;
  ssize_t got = 0;
  while ((got = ::read(read_end, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

TEST(ExitAtOnce, WritesOutWhatWasPrintedToAPipe) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  std::fflush(nullptr);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    std::printf("rows       60 new\n");
    exit_at_once(kExitStopped);
  }
  ::close(ends[1]);
  EXPECT_EQ(read_all(ends[0]), "rows       60 new\n");
  ::close(ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), kExitStopped);
}

}  // namespace
}  // namespace cape
