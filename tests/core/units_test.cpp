#include "core/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace cape {
namespace {

TEST(ParseDuration, TakesUnitsClocksAndPlainSeconds) {
  EXPECT_EQ(parse_duration("90"), 90);
  EXPECT_EQ(parse_duration("0.5"), 0.5);
  EXPECT_EQ(parse_duration("90s"), 90);
  EXPECT_EQ(parse_duration("90m"), 5400);
  EXPECT_EQ(parse_duration("90min"), 5400);
  EXPECT_EQ(parse_duration("1.5h"), 5400);
  EXPECT_EQ(parse_duration("2h30m"), 9000);
  EXPECT_EQ(parse_duration("1d2h3m4s"), 93784);
  EXPECT_EQ(parse_duration("01:30:00"), 5400);
  EXPECT_EQ(parse_duration("48:00:00"), 172800);
  EXPECT_EQ(parse_duration("10:30"), 630);
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
  for (const char* text : {"",   "s",    "h30",  "2h30", "-5",   "+5",  "5 m",
                           "5x", "1h2x", "soon", "inf",  "nan",  "1e3", ":",
                           "1:", ":30",  "1:-5", "1:xx", "1..5", "5,5"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
  const std::string most(308, '9');  // more of them are no double
  EXPECT_EQ(parse_duration(most + "d"), std::nullopt);
  EXPECT_EQ(parse_duration(most + ":00"), std::nullopt);
}

TEST(ToDuration, IsExactWhereItFits) {
  using namespace std::chrono_literals;
  EXPECT_EQ(to_duration(0), 0s);
  EXPECT_EQ(to_duration(0.25), 250ms);
  EXPECT_EQ(to_duration(-90), -90s);
  EXPECT_EQ(to_duration(1e9), 1'000'000'000s);
}

TEST(ToDuration, EndsAtAHundredYearsWhichCanBeAddedToTheClock) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto now = std::chrono::steady_clock::now();
  for (const double seconds : {9.3e9, 1e19, 1e300, infinity, std::nan("")}) {
    EXPECT_EQ(to_duration(seconds), to_duration(kLongestSeconds)) << seconds;
    EXPECT_GT(now + to_duration(seconds), now) << seconds;
  }
  EXPECT_EQ(to_duration(-infinity), to_duration(-kLongestSeconds));
  EXPECT_LT(now - to_duration(infinity), now);
}

TEST(FormatDuration, GivesTwoUnitsAtMost) {
  EXPECT_EQ(format_duration(0), "0.0 s");
  EXPECT_EQ(format_duration(0.0032), "3.2 ms");
  EXPECT_EQ(format_duration(0.099), "99 ms");
  EXPECT_EQ(format_duration(0.0996), "0.1 s");
  EXPECT_EQ(format_duration(0.42), "0.4 s");
  EXPECT_EQ(format_duration(9.96), "10 s");
  EXPECT_EQ(format_duration(59.4), "59 s");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(200), "3 min 20 s");
  EXPECT_EQ(format_duration(3599.9), "1 h 00 min");
  EXPECT_EQ(format_duration(7500), "2 h 05 min");
  EXPECT_EQ(format_duration(356400), "4 d 3 h");
  EXPECT_EQ(format_duration(1e300), "more than 100 years");
  EXPECT_EQ(format_duration(std::numeric_limits<double>::infinity()),
            "unknown");
  EXPECT_EQ(format_duration(std::nan("")), "unknown");
}

TEST(FormatCount, GroupsDigitsByThrees) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-999), "-999");
  EXPECT_EQ(format_count(-1000), "-1,000");
}

TEST(FormatSi, KeepsThreeDigitsAndAPrefix) {
  EXPECT_EQ(format_si(0), "0 ");
  EXPECT_EQ(format_si(12), "12 ");
  EXPECT_EQ(format_si(999.4), "999 ");
  EXPECT_EQ(format_si(999.9), "1 k");
  EXPECT_EQ(format_si(999999), "1 M");
  EXPECT_EQ(format_si(2.5e12), "2.5 T");
  EXPECT_EQ(format_si(-1234), "-1.23 k");
}

TEST(UtcNow, HasTheFormOfIso8601) {
  EXPECT_THAT(utc_now(), testing::MatchesRegex("....-..-..T..:..:..Z"));
}

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("epsilon", "epsilon"), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("trials", "trails"), 1U);
  EXPECT_EQ(edit_distance("ab", "ba"), 1U);
}

TEST(Nearest, FindsTheClosestWordWithinAThirdOfItsLength) {
  const std::vector<std::string> words = {"learning_rate", "batch_size",
                                          "seed"};
  EXPECT_EQ(nearest("lerning_rat", words), "learning_rate");
  EXPECT_EQ(nearest("batchsize", words), "batch_size");
  EXPECT_EQ(nearest("sead", words), "seed");
  EXPECT_EQ(nearest("trials", words), "");
  EXPECT_EQ(nearest("seed", std::vector<std::string>{}), "");
}

}  // namespace
}  // namespace cape
