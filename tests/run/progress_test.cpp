#include "run/progress.h"

#include <gtest/gtest.h>

namespace cape::run {
namespace {

TEST(ProgressLine, SaysHowFarHowFastAndHowLong) {
  EXPECT_EQ(progress_line({.total = 5000, .done_before = 1000, .rows = 234}, 20,
                          80.0),
            "1,234/5,000 rows (24 %), 11.7 rows/s, 1 min 20 s left");
}

TEST(ProgressLine, CountsTheFailuresOfEarlierRunsToo) {
  EXPECT_EQ(progress_line({.total = 100,
                           .done_before = 0,
                           .failed_before = 3,
                           .rows = 50,
                           .failed = 1},
                          10, std::nullopt),
            "50/100 rows (50 %), 5.0 rows/s, 4 failed");
}

TEST(ProgressLine, MeasuresTheRateOfThisRunAlone) {
  EXPECT_EQ(progress_line({.total = 100, .done_before = 90}, 10, std::nullopt),
            "90/100 rows (90 %), 0.0 rows/s");
}

TEST(ProgressLine, StandsAtTheStartAndForAnEmptyPart) {
  EXPECT_EQ(progress_line({.total = 10}, 0, std::nullopt),
            "0/10 rows (0 %), 0.0 rows/s");
  EXPECT_EQ(progress_line({}, 0, std::nullopt), "0/0 rows (0 %), 0.0 rows/s");
}

TEST(ProgressLine, DoesNotRoundUpToTheEnd) {
  EXPECT_EQ(progress_line({.total = 10000, .rows = 9999}, 1e4, std::nullopt),
            "9,999/10,000 rows (99 %), 1.0 rows/s");
  EXPECT_EQ(progress_line({.total = 10000, .rows = 10000}, 1e4, std::nullopt),
            "10,000/10,000 rows (100 %), 1.0 rows/s");
}

}  // namespace
}  // namespace cape::run
