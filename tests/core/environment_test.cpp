#include "core/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/error.h"

namespace cape {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ExpandPathTest : public testing::Test {
 protected:
  ExpandPathTest() {
    ::setenv("HOME", "/home/someone", 1);
    ::setenv("CAPE_TEST_ROOT", "/data/größe $x", 1);
    ::unsetenv("CAPE_TEST_NONE");
  }
  ~ExpandPathTest() override { ::unsetenv("CAPE_TEST_ROOT"); }

  static std::string refused(const std::string& path) {
    try {
      return "accepted: " + expand_path(path);
    } catch (const UserError& error) {
      return error.what();
    }
  }
};

TEST_F(ExpandPathTest, PutsHomeAndVariablesIn) {
  EXPECT_EQ(expand_path("~"), "/home/someone");
  EXPECT_EQ(expand_path("~/x.npy"), "/home/someone/x.npy");
  EXPECT_EQ(expand_path("$CAPE_TEST_ROOT/x"), "/data/größe $x/x");
  EXPECT_EQ(expand_path("a/${CAPE_TEST_ROOT}b"), "a//data/größe $xb");
  EXPECT_EQ(expand_path("$HOME$HOME"), "/home/someone/home/someone");
}

TEST_F(ExpandPathTest, LeavesOtherSignsAsTheyAre) {
  for (const char* path : {"", "a/~/b", "~someone/x", "cost$.npy", "a$", "$1",
                           "${", "${}", "${CAPE_TEST_ROOT", "файл: 数据.npy"}) {
    EXPECT_EQ(expand_path(path), path);
  }
  EXPECT_EQ(expand_path("a$$b"), "a$b");
}

TEST_F(ExpandPathTest, NamesAVariableThatIsNotSet) {
  EXPECT_THAT(refused("$CAPE_TEST_NONE/x"),
              AllOf(HasSubstr("'$CAPE_TEST_NONE/x'"),
                    HasSubstr("variable CAPE_TEST_NONE, which is not set")));
  ::unsetenv("HOME");
  EXPECT_THAT(refused("~/x"), HasSubstr("variable HOME"));
}

}  // namespace
}  // namespace cape
