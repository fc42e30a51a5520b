#include "datasets/batch.h"

#include <gmock/gmock.h>

#include <bit>
#include <fstream>

#include "core/error.h"
#include "datasets/resize.h"
#include "support.h"

namespace cape::datasets {
namespace {

using testing::ElementsAre;

/// `samples` images whose pixels are all different from one to the next.
Dataset small_dataset(std::vector<std::int64_t> shape, std::int64_t samples) {
  Dataset dataset;
  std::int64_t size = samples;
  for (const std::int64_t extent : shape) size *= extent;
  for (std::int64_t i = 0; i < size; ++i)
    dataset.pixels.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  for (std::int64_t i = 0; i < samples; ++i)
    dataset.labels.push_back(static_cast<std::uint8_t>(i % 10));
  dataset.mean.assign(shape[0], 0.1307);
  dataset.deviation.assign(shape[0], 0.3081);
  dataset.info.name = "small";
  dataset.info.shape = std::move(shape);
  dataset.info.samples = samples;
  return dataset;
}

TEST(BatchTest, TakesTheSamplesInTheOrderAskedFor) {
  const Dataset dataset = small_dataset({1, 2, 3}, 5);
  const std::vector<std::int64_t> indices = {4, 0, 4};
  const Batch batch =
      make_batch(dataset, indices, {.rgb32 = false, .standardise = false});
  EXPECT_THAT(batch.shape, ElementsAre(3, 1, 2, 3));
  EXPECT_THAT(batch.labels, ElementsAre(4, 0, 4));
  ASSERT_EQ(batch.inputs.size(), 18U);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(batch.inputs[i], dataset.pixels[24 + i] / 255.0F);
    EXPECT_EQ(batch.inputs[6 + i], dataset.pixels[i] / 255.0F);
    EXPECT_EQ(batch.inputs[12 + i], batch.inputs[i]);
  }
}

TEST(BatchTest, StandardisesAsTorchvisionDoes) {
  std::ifstream stored(CAPE_FIXTURES "/datasets/standardised_values.txt");
  Dataset dataset = small_dataset({1, 16, 16}, 1);
  for (int pixel = 0; pixel < 256; ++pixel)
    dataset.pixels[pixel] = static_cast<std::uint8_t>(pixel);
  int cases = 0;
  std::string digits;
  while (stored >> dataset.mean[0] >> dataset.deviation[0] >> digits) {
    const Batch batch = make_batch(dataset, std::vector<std::int64_t>{0}, {});
    const std::vector<std::uint8_t> bytes = from_hex(digits);
    ASSERT_EQ(bytes.size(), 4 * batch.inputs.size());
    for (std::size_t pixel = 0; pixel < 256; ++pixel) {
      const std::uint32_t expected = std::uint32_t{bytes[4 * pixel]} << 24 |
                                     std::uint32_t{bytes[4 * pixel + 1]} << 16 |
                                     std::uint32_t{bytes[4 * pixel + 2]} << 8 |
                                     bytes[4 * pixel + 3];
      EXPECT_EQ(std::bit_cast<std::uint32_t>(batch.inputs[pixel]), expected)
          << "pixel " << pixel << ", mean " << dataset.mean[0];
    }
    ++cases;
  }
  EXPECT_EQ(cases, 2);
}

TEST(BatchTest, Rgb32ResizesTheBytesThenRepeatsGreyThenStandardises) {
  const Dataset dataset = small_dataset({1, 28, 28}, 2);
  const Batch batch = make_batch(dataset, std::vector<std::int64_t>{1},
                                 {.rgb32 = true, .standardise = true});
  EXPECT_THAT(batch.shape, ElementsAre(1, 3, 32, 32));
  std::vector<std::uint8_t> resized(1024);
  Resizer(28, 28, 32, 32).resize(&dataset.pixels[784], resized.data());
  for (int channel = 0; channel < 3; ++channel) {
    for (int i = 0; i < 1024; ++i) {
      ASSERT_EQ(batch.inputs[channel * 1024 + i],
                (static_cast<float>(resized[i]) / 255.0F - 0.1307F) / 0.3081F);
    }
  }
}

TEST(BatchTest, ColourKeepsItsChannelsAndTheirStatistics) {
  Dataset dataset = small_dataset({3, 32, 32}, 1);
  dataset.mean = {0.1, 0.2, 0.3};
  dataset.deviation = {1, 2, 4};
  const Batch batch =
      make_batch(dataset, std::vector<std::int64_t>{0}, {.rgb32 = true});
  EXPECT_THAT(batch.shape, ElementsAre(1, 3, 32, 32));
  const auto scaled = [&](int i) { return dataset.pixels[i] / 255.0F; };
  EXPECT_EQ(batch.inputs[5], scaled(5) - 0.1F);
  EXPECT_EQ(batch.inputs[1024 + 5], (scaled(1024 + 5) - 0.2F) / 2);
  EXPECT_EQ(batch.inputs[2048 + 5], (scaled(2048 + 5) - 0.3F) / 4);
}

TEST(BatchTest, RefusesASampleThatIsNotThere) {
  const Dataset dataset = small_dataset({1, 2, 3}, 5);
  for (const std::int64_t index : {-1, 5})
    EXPECT_THROW(make_batch(dataset, std::vector<std::int64_t>{index}, {}),
                 Error);
}

}  // namespace
}  // namespace cape::datasets
