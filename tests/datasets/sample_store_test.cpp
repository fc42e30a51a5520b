#include "datasets/sample_store.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "core/error.h"
#include "core/random.h"
#include "datasets/split.h"
#include "support.h"

namespace cape::datasets {
namespace {

Dataset images(std::int64_t channels, std::int64_t side, bool transposed) {
  Random random(3);
  Dataset dataset;
  dataset.info = {.name = "images",
                  .shape = {channels, side, side},
                  .classes = 5,
                  .samples = 12,
                  .fingerprint = {},
                  .directory = {}};
  const auto stride = static_cast<std::size_t>(channels * side * side);
  std::vector<std::uint8_t> pixels(12 * stride);
  for (std::uint8_t& pixel : pixels) {
    pixel = static_cast<std::uint8_t>(random.below(256));
  }
  dataset.inputs = Images{.blocks = {{.bytes = Bytes(std::move(pixels)),
                                      .stride = stride,
                                      .count = 12}},
                          .transposed = transposed};
  dataset.labels = Array::of({0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1});
  dataset.mean.assign(static_cast<std::size_t>(channels), 0.3);
  dataset.deviation.assign(static_cast<std::size_t>(channels), 0.2);
  return dataset;
}

Dataset numbers(std::vector<std::int64_t> shape) {
  Dataset dataset = images(1, 4, false);
  std::int64_t size = 12;
  for (const std::int64_t extent : shape) size *= extent;
  std::vector<float> values;
  for (std::int64_t i = 0; i < size; ++i) {
    values.push_back(static_cast<float>(i * 37 % 101) / 7);
  }
  std::vector<std::uint8_t> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  const std::size_t features = static_cast<std::size_t>(
      shape.size() == 3 ? shape.front() : shape.back());
  dataset.info.shape = shape;
  dataset.info.images = false;
  shape.insert(shape.begin(), 12);
  dataset.inputs = Array{.type = ElementType::float32,
                         .shape = shape,
                         .elements = Bytes(std::move(bytes))};
  dataset.mean.assign(features, 6.5);
  dataset.deviation.assign(features, 3.7);
  return dataset;
}

Dataset texts() {
  Dataset dataset = images(1, 4, false);
  dataset.info.shape = {20};
  dataset.info.images = false;
  WordCounts counts;
  for (std::uint16_t text = 0; text < 12; ++text) {
    for (std::uint16_t word = text; word < 20; word += 3) {
      counts.entries.push_back({word, static_cast<std::uint16_t>(word + 1)});
    }
    counts.ends.push_back(counts.entries.size());
  }
  dataset.inputs = std::move(counts);
  return dataset;
}

void expect_as_in_batches(const Dataset& dataset, const BatchForm& form) {
  const std::vector<std::int64_t> indices = {7, 2, 11, 0, 5};
  const std::vector<std::int64_t> positions = {3, 0, 4, 3};
  const SampleStore store(dataset, indices, form);
  EXPECT_EQ(store.size(), 5);
  std::vector<std::int64_t> asked;
  for (const std::int64_t p : positions) asked.push_back(indices[p]);
  const Batch batch = make_batch(dataset, asked, form);
  EXPECT_TRUE(std::equal(store.shape().begin(), store.shape().end(),
                         batch.shape.begin() + 1, batch.shape.end()));
  std::vector<float> inputs(batch.inputs.size());
  store.copy_inputs(positions, inputs.data());
  EXPECT_EQ(inputs, batch.inputs);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    EXPECT_EQ(store.labels().labels[positions[i]], batch.labels[i]);
  }
}

TEST(SampleStore, HasTheSamplesOfBatchesToTheBit) {
  for (const bool rgb32 : {false, true}) {
    for (const bool standardise : {false, true}) {
      const BatchForm form{.rgb32 = rgb32, .standardise = standardise};
      expect_as_in_batches(images(1, 28, false), form);
      expect_as_in_batches(images(3, 32, false), form);
      expect_as_in_batches(images(3, 24, true), form);
      expect_as_in_batches(numbers({6}), form);
      expect_as_in_batches(numbers({5, 3}), form);
      expect_as_in_batches(numbers({2, 8, 8}), form);
      expect_as_in_batches(texts(), form);
    }
  }
}

TEST(Split, NeverTrainsOnWhatValidates) {
  const Split split = draw_split(1000, 100, 300, 1, 2);
  EXPECT_EQ(split.validation.size(), 100U);
  EXPECT_EQ(split.training.size(), 300U);
  std::set<std::int64_t> all(split.validation.begin(), split.validation.end());
  all.insert(split.training.begin(), split.training.end());
  EXPECT_EQ(all.size(), 400U);
  EXPECT_GE(*all.begin(), 0);
  EXPECT_LT(*all.rbegin(), 1000);
}

TEST(Split, ValidatesWithTheSameSamplesWhateverIsTrainedOn) {
  const Split split = draw_split(1000, 100, 300, 1, 2);
  const Split other = draw_split(1000, 100, 900, 1, 3);
  EXPECT_EQ(split.validation, other.validation);
  EXPECT_NE(split.training.front(), other.training.front());
  EXPECT_NE(draw_split(1000, 100, 300, 4, 2).validation, split.validation);
}

TEST(Split, RefusesMoreSamplesThanThereAre) {
  EXPECT_NO_THROW(draw_split(400, 100, 300, 1, 2));
  EXPECT_THROW(draw_split(399, 100, 300, 1, 2), Error);
}

TEST(Split, HasAtLeast100AndAtMost5000SamplesForValidation) {
  EXPECT_EQ(validation_size(0.1, 500), 100);
  EXPECT_EQ(validation_size(0.1, 2345), 235);
  EXPECT_EQ(validation_size(0.5, 60000), 5000);
}

TEST(RarestClass, IsThatWithTheFewestSamples) {
  const auto rarest = find_rarest_class(images(1, 4, false));
  EXPECT_EQ(rarest, (RarestClass{.label = 2, .samples = 2}));
  Dataset sequence = images(1, 4, false);
  sequence.info.task = Task::sequence;
  EXPECT_FALSE(find_rarest_class(sequence).has_value());
}

}  // namespace
}  // namespace cape::datasets
