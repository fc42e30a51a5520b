#include "datasets/batch.h"

#include <gmock/gmock.h>

#include <bit>
#include <fstream>
#include <numeric>

#include "core/error.h"
#include "datasets/resize.h"
#include "support.h"

namespace cape::datasets {
namespace {

using testing::ElementsAre;

Images images_of(std::vector<std::uint8_t> pixels, std::int64_t samples) {
  const std::size_t stride = pixels.size() / samples;
  return {.blocks = {{.bytes = Bytes(std::move(pixels)),
                      .stride = stride,
                      .count = samples}}};
}

std::uint8_t pixel_of(const Dataset& dataset, std::size_t i) {
  return std::get<Images>(dataset.inputs).blocks[0].bytes[i];
}

/// `samples` images whose pixels are all different from one to the next.
Dataset small_dataset(std::vector<std::int64_t> shape, std::int64_t samples) {
  Dataset dataset;
  std::int64_t size = samples;
  for (const std::int64_t extent : shape) size *= extent;
  std::vector<std::uint8_t> labels;
  std::vector<std::uint8_t> pixels;
  for (std::int64_t i = 0; i < size; ++i)
    pixels.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  dataset.inputs = images_of(std::move(pixels), samples);
  for (std::int64_t i = 0; i < samples; ++i)
    labels.push_back(static_cast<std::uint8_t>(i % 10));
  dataset.labels = Array::of(std::move(labels));
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
    EXPECT_EQ(batch.inputs[i], pixel_of(dataset, 24 + i) / 255.0F);
    EXPECT_EQ(batch.inputs[6 + i], pixel_of(dataset, i) / 255.0F);
    EXPECT_EQ(batch.inputs[12 + i], batch.inputs[i]);
  }
}

TEST(BatchTest, StandardisesAsTorchvisionDoes) {
  std::ifstream stored(CAPE_FIXTURES "/datasets/standardised_values.txt");
  Dataset dataset = small_dataset({1, 16, 16}, 1);
  std::vector<std::uint8_t> pixels(256);
  std::iota(pixels.begin(), pixels.end(), 0);
  dataset.inputs = images_of(pixels, 1);
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
  Resizer(28, 28, 32, 32)
      .resize(std::get<Images>(dataset.inputs).at(1), resized.data());
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
  const auto scaled = [&](int i) { return pixel_of(dataset, i) / 255.0F; };
  EXPECT_EQ(batch.inputs[5], scaled(5) - 0.1F);
  EXPECT_EQ(batch.inputs[1024 + 5], (scaled(1024 + 5) - 0.2F) / 2);
  EXPECT_EQ(batch.inputs[2048 + 5], (scaled(2048 + 5) - 0.3F) / 4);
}

TEST(BatchTest, TurnsTransposedImagesUpright) {
  Dataset dataset = small_dataset({3, 2, 4}, 2);
  std::get<Images>(dataset.inputs).transposed = true;
  const Batch batch = make_batch(dataset, std::vector<std::int64_t>{1},
                                 {.rgb32 = false, .standardise = false});
  for (int channel = 0; channel < 3; ++channel)
    for (int row = 0; row < 2; ++row)
      for (int column = 0; column < 4; ++column)
        EXPECT_EQ(
            batch.inputs[channel * 8 + row * 4 + column],
            pixel_of(dataset, 24 + channel * 8 + column * 2 + row) / 255.0F);
}

TEST(BatchTest, FindsImagesInAllBlocks) {
  Dataset dataset = small_dataset({1, 1, 2}, 3);
  dataset.inputs = Images{
      .blocks = {
          {.bytes = Bytes({10, 11, 99, 20, 21}), .stride = 3, .count = 2},
          {.bytes = Bytes({30, 31}), .stride = 2, .count = 1}}};
  EXPECT_THAT(pixels_of(dataset), ElementsAre(10, 11, 20, 21, 30, 31));
}

TEST(BatchTest, TextsAreWordCountsOfUnitLength) {
  Dataset dataset;
  dataset.info.name = "texts";
  dataset.info.shape = {1, 32, 96};
  dataset.info.samples = 3;
  dataset.inputs =
      WordCounts{.entries = {{0, 3}, {3071, 4}, {5, 2}}, .ends = {2, 2, 3}};
  dataset.labels = Array::of({1, 0, 1});
  const std::vector<std::int64_t> indices = {2, 0, 1};
  const Batch rows = make_batch(dataset, indices, {});
  EXPECT_THAT(rows.shape, ElementsAre(3, 1, 32, 96));
  EXPECT_EQ(rows.inputs[5], 1.0F);
  EXPECT_EQ(rows.inputs[3072], 0.6F);
  EXPECT_EQ(rows.inputs[3072 + 3071], 0.8F);
  EXPECT_EQ(std::count(rows.inputs.begin(), rows.inputs.end(), 0.0F),
            3 * 3072 - 3)
      << "a text without words, too";
  const Batch cubes = make_batch(dataset, indices, {.rgb32 = true});
  EXPECT_THAT(cubes.shape, ElementsAre(3, 3, 32, 32));
  EXPECT_EQ(cubes.inputs, rows.inputs) << "no resize, no standardisation";
  EXPECT_THAT(cubes.labels, ElementsAre(1, 1, 0));
}

TEST(BatchTest, RefusesASampleThatIsNotThere) {
  const Dataset dataset = small_dataset({1, 2, 3}, 5);
  for (const std::int64_t index : {-1, 5})
    EXPECT_THROW(make_batch(dataset, std::vector<std::int64_t>{index}, {}),
                 Error);
}

}  // namespace
}  // namespace cape::datasets
