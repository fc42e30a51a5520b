// What names and shapes of tensors show of a network.

#include "trainer/network_features.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

#include "models/build.h"
#include "plain/model.h"

namespace cape::trainer {
namespace {

const std::vector<std::int64_t> kSample = {1, 28, 28};
constexpr std::int64_t kClasses = 10;

trial::NetworkFeatures of_zoo(const zoo::Architecture& architecture) {
  return network_features(*models::build(architecture, kSample, kClasses),
                          kClasses);
}

class NetworkFeaturesTest : public testing::TestWithParam<zoo::Architecture> {};

TEST_P(NetworkFeaturesTest, AreThoseOfTheSameNetworkOfStockModules) {
  const trial::NetworkFeatures found = of_zoo(GetParam());
  EXPECT_EQ(found,
            network_features(*plain::make_plain(GetParam(), kSample, kClasses),
                             kClasses));
  EXPECT_GE(found.weight_layers, 2);
  EXPECT_GE(found.widest_layer, 8);
}

INSTANTIATE_TEST_SUITE_P(
    Zoo, NetworkFeaturesTest,
    testing::Values(zoo::Mlp{.layers = 2, .width = 32},
                    zoo::Mlp{.layers = 2, .width = 32, .batch_norm = false},
                    zoo::VggLite{.base = 8, .pool = true},
                    zoo::ResnetMini{.base = 8, .blocks = 2},
                    zoo::MobilenetMini{.stem = 8},
                    zoo::Lstm{.layers = 2, .hidden = 16},
                    zoo::Gru{.hidden = 16, .bidirectional = true},
                    zoo::Vit{.width = 24, .depth = 2, .heads = 2},
                    zoo::Cct{.width = 32, .depth = 1},
                    zoo::Pit{.width = 24, .depth = 1}),
    [](const auto& instance) {
      return zoo::family(instance.param) + std::to_string(instance.index);
    });

TEST(NetworkFeatures, OfAnMlp) {
  const trial::NetworkFeatures found =
      of_zoo(zoo::Mlp{.layers = 2, .width = 32});
  const double parameters =
      784 * 32 + 32 + 64 + 32 * 32 + 32 + 64 + 32 * 10 + 10;
  EXPECT_EQ(found.weight_layers, 3);
  EXPECT_EQ(found.widest_layer, 32);
  EXPECT_EQ(found.convolution_share, 0);
  EXPECT_DOUBLE_EQ(found.norm_parameters, 128 / parameters);
  EXPECT_EQ(found.recurrent_weights, 0);
}

TEST(NetworkFeatures, OfAConvolutionalNetwork) {
  const trial::NetworkFeatures found =
      of_zoo(zoo::VggLite{.base = 8, .convolutions = {1, 1, 1}});
  const double convolutions = 9 * (3 * 8 + 8 * 16 + 16 * 32);
  const double norms = 2 * (8 + 16 + 32);
  const double parameters = convolutions + norms + 32 * 10 + 10;
  EXPECT_EQ(found.weight_layers, 4);
  EXPECT_EQ(found.widest_layer, 32);
  EXPECT_DOUBLE_EQ(found.convolution_share, convolutions / parameters);
  EXPECT_DOUBLE_EQ(found.norm_parameters, norms / parameters);
}

TEST(NetworkFeatures, OfARecurrentNetwork) {
  const trial::NetworkFeatures found = of_zoo(zoo::Gru{.hidden = 16});
  const double weights = 3 * 16 * (28 + 16);
  const double parameters = weights + 2 * 3 * 16 + 16 * 10 + 10;
  EXPECT_EQ(found.weight_layers, 3);
  EXPECT_EQ(found.widest_layer, 48);
  EXPECT_DOUBLE_EQ(found.recurrent_weights, weights / parameters);
}

TEST(NetworkFeatures, OfATransformer) {
  const trial::NetworkFeatures found =
      of_zoo(zoo::Vit{.patch = 4, .width = 24, .depth = 2, .heads = 2});
  // Patches, two blocks of six, the head; neither positions nor the class
  // token.
  EXPECT_EQ(found.weight_layers, 1 + 2 * 6 + 1);
  EXPECT_EQ(found.widest_layer, 48);
}

/// A module with these tensors alone.
class Tensors : public torch::nn::Module {
 public:
  using Shapes = std::vector<std::pair<std::string, std::vector<std::int64_t>>>;
  explicit Tensors(const Shapes& shapes) {
    for (const auto& [name, shape] : shapes) {
      register_parameter(name, torch::zeros(shape));
    }
  }
};

TEST(NetworkFeatures, KnowWeightsThatHaveOtherNames) {
  const trial::NetworkFeatures found = network_features(
      Tensors(
          {{"w1", {20, 784}}, {"b1", {20}}, {"w2", {10, 20}}, {"b2", {10}}}),
      10);
  EXPECT_EQ(found.weight_layers, 2);
  EXPECT_EQ(found.widest_layer, 20);
  EXPECT_EQ(found.norm_parameters, 0);
}

TEST(NetworkFeatures, TellWeightsFromPositionsTokensAndFactors) {
  const trial::NetworkFeatures found =
      network_features(Tensors({{"clsToken", {1, 1, 8}},
                                {"e", {1, 17, 8}},
                                {"pos_embed", {17, 8}},
                                {"gamma", {8, 1, 1}},
                                {"w", {10, 8}}}),
                       10);
  EXPECT_EQ(found.weight_layers, 1);
  EXPECT_EQ(found.widest_layer, 10);
  EXPECT_EQ(found.convolution_share, 0);
}

TEST(NetworkFeatures, KnowNormsOfSeveralDimensionsAndEmbeddingTables) {
  struct Net : torch::nn::Module {
    Net() {
      register_module("embedding", torch::nn::Embedding(1000, 8));
      register_module(
          "norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({4, 8})));
      register_module("hidden", torch::nn::Linear(8, 12));
      register_module("output", torch::nn::Linear(12, 3));
    }
  };
  const trial::NetworkFeatures found = network_features(Net(), 3);
  const double parameters = 8000 + 64 + 8 * 12 + 12 + 12 * 3 + 3;
  EXPECT_EQ(found.weight_layers, 3);
  EXPECT_EQ(found.widest_layer, 12);
  EXPECT_DOUBLE_EQ(found.norm_parameters, 64 / parameters);
}

TEST(NetworkFeatures, LeaveFrozenParametersOut) {
  Tensors net({{"weight", {20, 784}}, {"w2", {10, 20}}});
  net.named_parameters()["weight"].requires_grad_(false);
  EXPECT_EQ(network_features(net, 10).weight_layers, 1);
}

}  // namespace
}  // namespace cape::trainer
