#include "datasets/md5.h"

#include <gtest/gtest.h>

#include "support.h"

namespace cape::datasets {
namespace {

std::vector<std::uint8_t> digest(std::string_view text) {
  const auto bytes = md5(text);
  return {bytes.begin(), bytes.end()};
}

TEST(Md5Test, GivesTheDigestsOfTheRfc) {
  EXPECT_EQ(digest(""), from_hex("d41d8cd98f00b204e9800998ecf8427e"));
  EXPECT_EQ(digest("abc"), from_hex("900150983cd24fb0d6963f7d28e17f72"));
  EXPECT_EQ(digest("abcdefghijklmnopqrstuvwxyz"),
            from_hex("c3fcd3d76192e4007dfb496cca67e13b"));
  EXPECT_EQ(digest("1234567890123456789012345678901234567890123456789012345678"
                   "9012345678901234567890"),
            from_hex("57edf4a22be3c955ac49da2e2107b67a"));
}

}  // namespace
}  // namespace cape::datasets
