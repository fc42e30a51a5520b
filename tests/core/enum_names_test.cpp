#include "core/enum_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace elsewhere {

enum class Shape { round, square, hidden };

constexpr auto enum_names(Shape) {
  return cape::EnumNames{
      "shape", std::to_array<cape::EnumName<Shape>>(
                   {{Shape::round, "round"}, {Shape::square, "box"}})};
}

enum class Nameless { one };

}  // namespace elsewhere

namespace cape {
namespace {

using elsewhere::Shape;
using testing::ElementsAre;
using testing::StrEq;
using testing::ThrowsMessage;

static_assert(NamedEnum<Shape>);
static_assert(!NamedEnum<elsewhere::Nameless>);
static_assert(!NamedEnum<int>);

TEST(EnumNames, GiveTheWordOfAnEnumeratorAndBack) {
  EXPECT_STREQ(to_string(Shape::square), "box");
  EXPECT_EQ(parse_enum<Shape>("box"), Shape::square);
  EXPECT_EQ(find_enum<Shape>("round"), Shape::round);
  EXPECT_EQ(find_enum<Shape>("square"), std::nullopt) << "the word is box";
  EXPECT_THAT(enum_words<Shape>(), ElementsAre("round", "box"));
}

TEST(EnumNames, AnEnumeratorWithoutAWordHasNone) {
  EXPECT_STREQ(to_string(Shape::hidden), "");
  EXPECT_EQ(find_enum<Shape>("hidden"), std::nullopt);
}

TEST(EnumNames, AnotherWordIsRefusedWithAllThatThereAre) {
  EXPECT_THAT(
      [] { parse_enum<Shape>("flat"); },
      ThrowsMessage<Error>(StrEq("no shape 'flat'; there are: round, box")));
}

TEST(EnumNames, AreWhatJsonHolds) {
  const nlohmann::json json = {{"shape", Shape::round}};
  EXPECT_EQ(json.dump(), R"({"shape":"round"})");
  EXPECT_EQ(json.at("shape").get<Shape>(), Shape::round);
  EXPECT_THROW(nlohmann::json("flat").get<Shape>(), Error);
  EXPECT_THROW(nlohmann::json(1).get<Shape>(), nlohmann::json::exception);
}

}  // namespace
}  // namespace cape
