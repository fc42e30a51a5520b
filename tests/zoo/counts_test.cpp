// Parameter counts and FLOPs, against numbers worked out by hand layer by
// layer and against the published rows.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "core/random.h"
#include "published_rows.h"
#include "shapes.h"
#include "zoo/architecture.h"
#include "zoo/sampler.h"

namespace cape::zoo {
namespace {

std::int64_t mlp_parameters(const Mlp& mlp, const Shape& sample = kGrey,
                            std::int64_t outputs = 10) {
  return parameter_count(mlp, sample, outputs);
}

TEST(ParameterCount, OfAnMlpCountsWeightsBiasesAndBatchNorms) {
  EXPECT_EQ(mlp_parameters({.layers = 2, .width = 512}), 671'754);
  EXPECT_EQ(mlp_parameters({.layers = 3, .width = 512}), 935'434);
  EXPECT_EQ(mlp_parameters({.layers = 2, .width = 128}), 118'794);
  // 784 + 1 to 128, and on to 128 and to the 10 classes.
  EXPECT_EQ(mlp_parameters({.layers = 2, .width = 128, .batch_norm = false}),
            785 * 128 + 129 * 128 + 129 * 10);
  EXPECT_EQ(mlp_parameters({.layers = 1, .width = 128}),
            785 * 128 + 2 * 128 + 129 * 10);
}

TEST(ParameterCount, OfAnMlpFollowsTheDataSetAndItsClasses) {
  EXPECT_EQ(mlp_parameters({.layers = 4, .width = 1024}, kColour, 100),
            3073 * 1024 + 3 * 1025 * 1024 + 4 * 2 * 1024 + 1025 * 100);
  EXPECT_EQ(mlp_parameters({.layers = 2, .width = 128}, {784}),
            mlp_parameters({.layers = 2, .width = 128}));
}

TEST(ParameterCount, OfAnMlpDoesNotDependOnActivationOrDropout) {
  EXPECT_EQ(mlp_parameters({.activation = Activation::relu, .dropout = 0.5}),
            mlp_parameters({}));
}

TEST(ParameterCount, OfViTTinyIsThePublishedOne) {
  EXPECT_EQ(parameter_count(Vit{}, kColour, 10), 1'806'538);
  EXPECT_EQ(parameter_count(Vit{}, kColour, 100), 1'806'538 + 193 * 90);
}

TEST(ParameterCount, OfAViTIsTheSameForGreyImages) {
  // They are resized and repeated to 3 x 32 x 32.
  EXPECT_EQ(parameter_count(Vit{}, kGrey, 10), 1'806'538);
}

TEST(ParameterCount, OfAViTFollowsEachOfItsKeys) {
  const Vit vit{
      .patch = 8, .width = 64, .depth = 2, .heads = 4, .mlp_ratio = 3};
  const std::int64_t width = 64, hidden = 192, patch = 192;  // 3 x 8 x 8
  const std::int64_t embedding = (patch + 1) * width;
  const std::int64_t class_token_and_positions = width + 17 * width;
  const std::int64_t attention = 4 * (width + 1) * width;
  const std::int64_t mlp = (width + 1) * hidden + (hidden + 1) * width;
  const std::int64_t norms = 4 * width;
  const std::int64_t final_norm_and_head = 2 * width + (width + 1) * 10;
  EXPECT_EQ(parameter_count(vit, kColour, 10),
            embedding + class_token_and_positions +
                2 * (attention + mlp + norms) + final_norm_and_head);
}

TEST(ForwardFlops, OfAnMlpAreItsMatrixProducts) {
  EXPECT_EQ(forward_flops(Mlp{.layers = 2, .width = 512}, kGrey, 10),
            2.0 * (784 * 512 + 512 * 512 + 512 * 10));
  EXPECT_EQ(forward_flops(Mlp{.layers = 3, .width = 256}, kColour, 100),
            2.0 * (3072 * 256 + 2 * 256 * 256 + 256 * 100));
}

TEST(ForwardFlops, OfALastLayersBackwardDirectionAreOneSteps) {
  const double first = 2 * 28 * 4 * 128 * (28 + 128);  // both directions
  const double last = (28 + 1) * 4 * 128 * (2 * 128 + 128);
  const double head = 2 * 128 * 10;
  EXPECT_EQ(
      forward_flops(Lstm{.layers = 2, .hidden = 128, .bidirectional = true},
                    kGrey, 10),
      2 * (first + last + head));
}

TEST(ForwardFlops, OfAViTAreItsMatrixProducts) {
  // 64 patches of 48 values; then 65 tokens of width 192, of which the class
  // token alone reaches the head.
  const double embedding = 64 * 48 * 192;
  const double query_key_value_output = 4.0 * 65 * 192 * 192;
  const double scores_and_mixing = 2.0 * 65 * 65 * 192;
  const double mlp = 2.0 * 65 * 192 * 384;
  const double head = 192 * 10;
  EXPECT_EQ(
      forward_flops(Vit{}, kColour, 10),
      2 * (embedding + 6 * (query_key_value_output + scores_and_mixing + mlp) +
           head));
  EXPECT_EQ(forward_flops(Vit{}, kColour, 10), 250'683'648);
}

TEST(InputShape, IsTheDataSetsOwnForAnMlpAndRgb32ForAViT) {
  EXPECT_EQ(input_shape(Mlp{}, kGrey), kGrey);
  EXPECT_EQ(input_shape(Mlp{}, kColour), kColour);
  EXPECT_EQ(input_shape(Vit{}, kGrey), kColour);
}

using Counts = std::set<std::int64_t>;

Counts counts_in(const std::vector<PublishedRow>& rows,
                 const std::string& column, const std::string& value) {
  Counts counts;
  for (const PublishedRow& row : rows) {
    if (row.at(column) != value) continue;
    counts.insert(std::llround(std::exp(std::stod(row.at("logP")))));
  }
  return counts;
}

Counts counts_drawn(const std::string& family, const Shape& sample,
                    std::int64_t outputs) {
  Counts counts;
  Random random(1);
  for (int draw = 0; draw < 3000; ++draw) {
    counts.insert(parameter_count(
        sample_published(family, sample, outputs, random), sample, outputs));
  }
  return counts;
}

struct PublishedFamily {
  const char* family;
  const char* file;
};

class PublishedParameterCounts
    : public testing::TestWithParam<PublishedFamily> {};

TEST_P(PublishedParameterCounts, AreThoseThatTheSamplerCanDraw) {
  const auto rows = published_rows(GetParam().file);
  if (!rows) GTEST_SKIP() << kNoPublishedRows;
  const auto expect_equal = [&](const char* dataset, const Shape& sample,
                                std::int64_t outputs) {
    const Counts published = counts_in(*rows, "dataset", dataset);
    if (published.empty()) return;  // some files hold two data sets only
    EXPECT_EQ(published, counts_drawn(GetParam().family, sample, outputs))
        << dataset;
  };
  ASSERT_FALSE(counts_in(*rows, "dataset", "MNIST").empty());
  expect_equal("MNIST", kGrey, 10);
  expect_equal("FashionMNIST", kGrey, 10);
  expect_equal("CIFAR10", kColour, 10);
  expect_equal("CIFAR100", kColour, 100);
}

INSTANTIATE_TEST_SUITE_P(
    Families, PublishedParameterCounts,
    testing::Values(
        PublishedFamily{"mlp", "meta_dataset_mlp.csv"},
        PublishedFamily{"cnn", "meta_dataset_cnn.csv"},
        PublishedFamily{"rnn", "meta_dataset_rnn_mnist_fashion.csv"},
        PublishedFamily{"transformer",
                        "meta_dataset_transformer_mnist_fashion.csv"}),
    [](const auto& instance) { return std::string(instance.param.family); });

}  // namespace
}  // namespace cape::zoo
