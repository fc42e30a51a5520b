#include "core/run_in_child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace cape {
namespace {

using testing::HasSubstr;
using testing::Optional;

TEST(RunInChild, SaysNothingOfWhatReturnsOrThrows) {
  EXPECT_EQ(run_in_child([] {}, 10), std::nullopt);
  EXPECT_EQ(run_in_child([] { throw std::runtime_error("no"); }, 10),
            std::nullopt);
}

TEST(RunInChild, SurvivesACrashAndSaysWhichQuietly) {
  testing::internal::CaptureStderr();
  EXPECT_THAT(run_in_child([] { std::abort(); }, 10),
              Optional(HasSubstr("signal 6 (Aborted)")));
  EXPECT_THAT(run_in_child([] { std::raise(SIGSEGV); }, 10),
              Optional(HasSubstr("signal 11")));
  EXPECT_THAT(run_in_child(
                  [] {
                    std::fputs("a last word\n", stderr);
                    std::_Exit(3);
                  },
                  10),
              Optional(HasSubstr("exit code 3")));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(RunInChild, EndsWhatDoesNotEnd) {
  const volatile bool forever = true;
  EXPECT_THAT(run_in_child(
                  [&] {
                    while (forever) {
                    }
                  },
                  1),
              Optional(HasSubstr("more than 1 s")));
}

TEST(RunInChild, LeavesTheMemoryOfItsCallerAlone) {
  int value = 1;
  EXPECT_EQ(run_in_child([&] { value = 2; }, 10), std::nullopt);
  EXPECT_EQ(value, 1);
}

}  // namespace
}  // namespace cape
