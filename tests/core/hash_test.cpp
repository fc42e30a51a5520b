#include "core/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace cape {
namespace {

std::string long_text() {
  std::string text;
  for (int i = 0; i < 40 * 256; ++i) text += static_cast<char>(i % 256);
  return text;
}

// The expected values come from the xxhash package of Python. Keys and seeds
// of rows that exist already depend on them.

TEST(ContentHash, IsXxh3Of128Bits) {
  EXPECT_EQ(content_hash(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(content_hash("CAPE"), "6bf93463b6bcbf3e8a5db55370011fbc");
  EXPECT_EQ(content_hash(long_text()), "1cb22534d0d96975c03d2231ab9348f3");
}

TEST(SeedOf, IsXxh3Of64Bits) {
  EXPECT_EQ(seed_of(""), 3244421341483603138U);
  EXPECT_EQ(seed_of("CAPE"), 14312465930068256823U);
  EXPECT_EQ(seed_of(long_text()), 13852265625588812019U);
}

TEST(ContentHasher, EqualsTheHashOfTheConcatenation) {
  const std::string text = long_text();
  for (const std::size_t piece : {1U, 7U, 256U, 10240U}) {
    ContentHasher hasher;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      hasher.update(text.data() + at, std::min(piece, text.size() - at));
    }
    EXPECT_EQ(hasher.digest(), content_hash(text)) << piece;
  }
}

TEST(ContentHasher, GoesOnAfterADigest) {
  ContentHasher hasher;
  EXPECT_EQ(hasher.digest(), content_hash(""));
  hasher.update("CA", 2);
  EXPECT_EQ(hasher.digest(), content_hash("CA"));
  hasher.update("PE", 2);
  EXPECT_EQ(hasher.digest(), content_hash("CAPE"));
}

}  // namespace
}  // namespace cape
