#include "core/rehearsal.h"

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

TEST(Rehearsal, SaysNothingOfWhatReturnsOrThrows) {
  EXPECT_EQ(rehearse([] {}, 10), std::nullopt);
  EXPECT_EQ(rehearse([] { throw std::runtime_error("no"); }, 10), std::nullopt);
}

TEST(Rehearsal, SurvivesACrashAndSaysWhichQuietly) {
  testing::internal::CaptureStderr();
  EXPECT_THAT(rehearse([] { std::abort(); }, 10),
              Optional(HasSubstr("signal 6 (Aborted)")));
  EXPECT_THAT(rehearse([] { std::raise(SIGSEGV); }, 10),
              Optional(HasSubstr("signal 11")));
  EXPECT_THAT(rehearse(
                  [] {
                    std::fputs("a last word\n", stderr);
                    std::_Exit(3);
                  },
                  10),
              Optional(HasSubstr("exit code 3")));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Rehearsal, EndsWhatDoesNotEnd) {
  const volatile bool forever = true;
  EXPECT_THAT(rehearse(
                  [&] {
                    while (forever) {
                    }
                  },
                  1),
              Optional(HasSubstr("more than 1 s")));
}

TEST(Rehearsal, LeavesTheMemoryOfItsCallerAlone) {
  int value = 1;
  EXPECT_EQ(rehearse([&] { value = 2; }, 10), std::nullopt);
  EXPECT_EQ(value, 1);
}

}  // namespace
}  // namespace cape
