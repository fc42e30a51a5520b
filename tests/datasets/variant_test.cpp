#include "datasets/variant.h"

#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"

namespace cape::datasets {
namespace {

constexpr std::int64_t kSamples = 600;
constexpr std::int64_t kPixels = 5 * 6;
constexpr std::uint64_t kSeed = 99;

/// Images of 5 x 6 whose first pixel is their label's 20-fold, in 10 classes.
Dataset images() {
  Dataset dataset;
  std::vector<std::uint8_t> labels;
  std::vector<std::uint8_t> pixels;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    labels.push_back(static_cast<std::uint8_t>(i % 10));
    for (std::int64_t p = 0; p < kPixels; ++p) {
      pixels.push_back(
          static_cast<std::uint8_t>(p == 0 ? i % 10 * 20 : (i + p * p) % 256));
    }
  }
  dataset.inputs = Images{.blocks = {{.bytes = Bytes(std::move(pixels)),
                                      .stride = kPixels,
                                      .count = kSamples}}};
  dataset.labels = Array::of(std::move(labels));
  dataset.mean = {0.5};
  dataset.deviation = {0.25};
  dataset.info = {.name = "small",
                  .shape = {1, 5, 6},
                  .classes = 10,
                  .samples = kSamples,
                  .train_size = 1000,
                  .fingerprint = "",
                  .directory = ""};
  return dataset;
}

const BatchForm kPlain = {.rgb32 = false, .standardise = false};

Batch drawn(const Variant& variant, std::int64_t size = 64,
            const BatchForm& form = kPlain) {
  return draw_batch(images(), variant, size, form, kSeed);
}

TEST(VariantTest, NoneChangesNothing) {
  const Batch batch = drawn({});
  std::set<std::vector<float>> different;
  for (std::int64_t i = 0; i < 64; ++i) {
    const auto* const image = &batch.inputs[i * kPixels];
    EXPECT_EQ(image[0], static_cast<float>(batch.labels[i] * 20) / 255.0F);
    different.insert({image, image + kPixels});
  }
  EXPECT_GT(different.size(), 60U);
}

TEST(VariantTest, AClassSubsetIsLabelledFromZero) {
  const Batch batch = drawn({.classes = 3}, 180);  // all there are
  std::set<float> first_pixels[3];
  for (std::int64_t i = 0; i < 180; ++i) {
    ASSERT_GE(batch.labels[i], 0);
    ASSERT_LT(batch.labels[i], 3);
    first_pixels[batch.labels[i]].insert(batch.inputs[i * kPixels]);
  }
  float before = -1;
  for (const auto& of_class : first_pixels) {
    ASSERT_EQ(of_class.size(), 1U);  // one class of the data set
    EXPECT_GT(*of_class.begin(), before);
    before = *of_class.begin();
  }
  EXPECT_THROW(drawn({.classes = 3}, 181), Error);
}

TEST(VariantTest, ClassesDifferBySeed) {
  std::set<float> all;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Batch batch = draw_batch(images(), {.classes = 2}, 8, kPlain, seed);
    for (int i = 0; i < 8; ++i) all.insert(batch.inputs[i * kPixels]);
  }
  EXPECT_GE(all.size(), 8U);
}

TEST(VariantTest, LabelNoiseDrawsItsShareAfresh) {
  const Batch batch = drawn({.label_noise = 0.5}, kSamples);
  int changed = 0;
  for (std::int64_t i = 0; i < kSamples; ++i) {
    const float first = static_cast<float>(batch.labels[i] * 20) / 255.0F;
    changed += batch.inputs[i * kPixels] != first;
  }
  // A tenth of the fresh labels are the old ones; deviation 12.
  EXPECT_NEAR(changed, 0.45 * kSamples, 50);
}

TEST(VariantTest, LowResolutionMakesSquaresEqualToTheirMean) {
  const Batch batch = drawn({});
  const Batch low = drawn({.lowres = 4});
  for (std::int64_t i = 0; i < 64; ++i) {
    const auto at = [&](const Batch& of, int y, int x) {
      return of.inputs[i * kPixels + y * 6 + x];
    };
    double sum = 0;
    for (int y = 0; y < 4; ++y)
      for (int x = 4; x < 6; ++x) sum += at(batch, y, x);
    for (int y = 0; y < 4; ++y)
      for (int x = 4; x < 6; ++x) EXPECT_NEAR(at(low, y, x), sum / 8, 1e-6);
    EXPECT_NEAR(at(low, 4, 5), (at(batch, 4, 4) + at(batch, 4, 5)) / 2, 1e-6);
  }
}

TEST(VariantTest, InversionAndScaleAreExact) {
  const BatchForm standardised = {.rgb32 = false, .standardise = true};
  const Batch batch = drawn({}, 64, kPlain);
  const Batch varied = drawn({.invert = true, .scale = 0.5}, 64, standardised);
  for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
    const float inverted = 1 - batch.inputs[i];
    EXPECT_NEAR(varied.inputs[i], (inverted - 0.5F) / 0.25F * 0.5F, 1e-6);
  }
}

TEST(VariantTest, NoiseIsGaussian) {
  const Batch batch = drawn({}, kSamples);
  const Batch noisy = drawn({.noise = 0.3}, kSamples);
  double sum = 0, squares = 0, fourth = 0;
  for (std::size_t i = 0; i < batch.inputs.size(); ++i) {
    const double noise = (noisy.inputs[i] - batch.inputs[i]) / 0.3;
    sum += noise;
    squares += noise * noise;
    fourth += std::pow(noise, 4);
  }
  const auto count = static_cast<double>(batch.inputs.size());  // 18,000
  EXPECT_NEAR(sum / count, 0, 0.03);
  EXPECT_NEAR(squares / count, 1, 0.05);
  EXPECT_NEAR(fourth / count, 3, 0.4);
}

TEST(VariantTest, SamplesStayTheSameUnderWhatChangesThem) {
  const Batch batch = drawn({});
  EXPECT_EQ(drawn({.scale = 2}).labels, batch.labels);
  EXPECT_EQ(drawn({.lowres = 2, .noise = 1}).labels, batch.labels);
}

TEST(VariantTest, HasItsClassesAndTheirShareOfTheSamples) {
  const DatasetInfo info = varied(images().info, {.classes = 3});
  EXPECT_EQ(info.classes, 3);
  EXPECT_EQ(info.samples, 180);
  EXPECT_EQ(info.train_size, 1000);
  EXPECT_EQ(varied(images().info, {.noise = 1}).samples, 600);
}

TEST(VariantTest, SurvivesJson) {
  const Variant all = {.classes = 4,
                       .label_noise = 0.25,
                       .lowres = 2,
                       .invert = true,
                       .scale = 0.7,
                       .noise = 0.125};
  EXPECT_EQ(variant_from(to_json(all)), all);
  EXPECT_EQ(to_json(Variant{}).dump(), "{}");
  EXPECT_EQ(variant_from(to_json(Variant{})), Variant{});
}

TEST(VariantTest, SampledOnesAreWithinTheirRangesAndFit) {
  Random random(1);
  const DatasetInfo info = images().info;
  int plain_classes = 0;
  for (int i = 0; i < 500; ++i) {
    const Variant variant = sample_variant(info, random);
    EXPECT_EQ(problem_of(variant, info), "");
    EXPECT_LT(variant.classes, 10);
    EXPECT_NE(variant.classes, 1);
    EXPECT_LE(variant.label_noise, 0.5);
    EXPECT_GE(variant.scale, 0.25);
    EXPECT_LE(variant.scale, 4);
    EXPECT_LE(variant.noise, 1);
    EXPECT_LE(to_json(variant).dump().size(), 128U);
    plain_classes += variant.classes == 0;
  }
  EXPECT_NEAR(plain_classes, 278, 60);  // 1/2 and 1/9 of the other half
  DatasetInfo texts = info;
  texts.images = false;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(problem_of(sample_variant(texts, random), texts), "");
  }
}

TEST(VariantTest, OneClassIsNotSplitFurtherWhenAVariantIsSampled) {
  Random random(1);
  DatasetInfo info = images().info;
  info.classes = 1;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(sample_variant(info, random).classes, 0);
  }
}

TEST(VariantTest, SaysWhatADataSetCannotGive) {
  DatasetInfo info = images().info;
  EXPECT_THAT(problem_of({.classes = 11}, info),
              testing::HasSubstr("classes is 11, small has 10"));
  info.images = false;
  EXPECT_THAT(problem_of({.lowres = 2}, info), testing::HasSubstr("lowres"));
  EXPECT_THAT(problem_of({.invert = true}, info), testing::HasSubstr("invert"));
}

}  // namespace
}  // namespace cape::datasets
