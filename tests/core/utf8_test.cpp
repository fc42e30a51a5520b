#include "core/utf8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "core/files.h"

namespace cape {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

bool json_takes(const std::string& text) {
  try {
    return !nlohmann::json(text).dump().empty();
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

TEST(IsUtf8, TakesWhatJsonTakes) {
  // All texts of one and two bytes, and those around the ends of what longer
  // ones can be.
  std::vector<std::string> texts = {""};
  for (int a = 0; a < 256; ++a) {
    texts.push_back({static_cast<char>(a)});
    for (int b = 0; b < 256; ++b) {
      texts.push_back({static_cast<char>(a), static_cast<char>(b)});
      texts.push_back({static_cast<char>(a), static_cast<char>(b), '\x80'});
      texts.push_back(
          {static_cast<char>(a), static_cast<char>(b), '\xbf', '\x80'});
    }
  }
  for (const std::string& text : texts) {
    ASSERT_EQ(is_utf8(text), json_takes(text)) << escape_non_utf8(text);
  }
  EXPECT_TRUE(is_utf8("/home/zoë/データ/😀"));
}

TEST(EscapeNonUtf8, LeavesTheRestAsItIs) {
  EXPECT_EQ(escape_non_utf8("r\xc3\xbcn\xfc/\xff"), "r\xc3\xbcn\\xfc/\\xff");
  EXPECT_EQ(escape_non_utf8("cut \xe3\x83"), "cut \\xe3\\x83");
}

TEST(RequireUtf8, NamesWhatIsNot) {
  EXPECT_NO_THROW(require_utf8("zoë", "argument 2"));
  EXPECT_THAT([] { require_utf8("run\xff", "argument 2"); },
              ThrowsMessage<UserError>(
                  AllOf(HasSubstr("argument 2 is not UTF-8 (found 'run\\xff')"),
                        HasSubstr("symbolic link"))));
}

TEST(AbsolutePath, RefusesOneThatIsNotUtf8) {
  EXPECT_EQ(absolute_path("/a/b"), "/a/b");
  EXPECT_TRUE(absolute_path("b").is_absolute());
  EXPECT_THROW(absolute_path("/a/\xff"), UserError);
}

int succeed(int, char**) { return kExitDone; }

TEST(GuardedMain, RefusesArgumentsThatAreNotUtf8) {
  std::string program = "program";
  std::string good = "zoë";
  std::string bad = "zo\xeb";
  std::vector<char*> arguments = {program.data(), good.data()};
  EXPECT_EQ(guarded_main("program", succeed, 2, arguments.data()), kExitDone);
  arguments.push_back(bad.data());
  EXPECT_EQ(guarded_main("program", succeed, 3, arguments.data()), kExitUsage);
}

}  // namespace
}  // namespace cape
