#include "datasets/resize.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support.h"

namespace cape::datasets {
namespace {

TEST(ResizerTest, EqualsPillowInEveryBit) {
  std::ifstream vectors(CAPE_FIXTURES "/datasets/resize_vectors.txt");
  int height = 0;
  int width = 0;
  int out_height = 0;
  int out_width = 0;
  std::string pixels;
  std::string expected;
  int cases = 0;
  while (vectors >> height >> width >> out_height >> out_width >> pixels >>
         expected) {
    const std::vector<std::uint8_t> image = from_hex(pixels);
    ASSERT_EQ(static_cast<int>(image.size()), height * width);
    std::vector<std::uint8_t> resized(from_hex(expected).size());
    Resizer(height, width, out_height, out_width)
        .resize(image.data(), resized.data());
    EXPECT_EQ(resized, from_hex(expected)) << height << " x " << width;
    ++cases;
  }
  EXPECT_EQ(cases, 6);
}

}  // namespace
}  // namespace cape::datasets
