// Lists of layers that are drawn.
#include "zoo/diverse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "shapes.h"

namespace cape::zoo {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

constexpr int kNetworks = 400;
const Sample kTokens = Sample::of_tokens(24, 500);

std::vector<Sequential> drawn(std::optional<Style> style,
                              const Sample& sample = kGrey,
                              const Head& head = 10) {
  Random random(5);
  std::vector<Sequential> all;
  for (int i = 0; i < kNetworks; ++i) {
    all.push_back(sample_diverse({style, {}}, sample, head, random));
  }
  return all;
}

TEST(DiverseSampler, DrawsNetworksThatFitTheirSamples) {
  const std::vector<std::pair<Sample, Head>> all = {
      {kGrey, 10},
      {kColour, 100},
      {{7, 5, 9}, 3},
      {{1, 1, 1}, 2},
      {{12}, 4},
      {{20, 6}, 5},
      {{20, 6}, {5, true}},
      {{1, 6}, {5, true}},
      {{300, 40}, 2},
      {{3, 64, 64}, 10},
      {{1, 16, 32}, 4},
      {kTokens, 2},
      {kTokens, {50, true}},
      {Sample::of_tokens(1, 1), 2},
      {Sample::of_tokens(2, 9), {9, true}}};
  for (const auto& [sample, head] : all) {
    for (const Sequential& network : drawn({}, sample, head)) {
      ASSERT_THAT(explain_mismatch(network, sample, head), IsEmpty())
          << describe(network).dump();
    }
  }
}

TEST(DiverseSampler, DrawsTheStylesThatTheSamplesAllow) {
  EXPECT_THAT(styles_for({12}, 4), ElementsAre(Style::mlp));
  EXPECT_THAT(styles_for({20, 6}, {4, true}),
              ElementsAre(Style::cnn, Style::recurrent, Style::transformer));
  EXPECT_EQ(styles_for(kGrey, 4).size(), 4U);
  std::map<std::string, int> counts;
  for (const Sequential& network : drawn({})) {
    ++counts[network.name.substr(0, network.name.find('_'))];
  }
  EXPECT_EQ(counts.size(), 4U);
  for (const auto& [style, count] : counts) {
    EXPECT_NEAR(count, kNetworks / 4, 30) << style;
  }
  for (const Sequential& network : drawn(Style::recurrent)) {
    EXPECT_THAT(network.name, StartsWith("recurrent_"));
  }
  Random random(1);
  EXPECT_THROW(sample_diverse({Style::cnn, {}}, {12}, 4, random), UserError);
}

TEST(DiverseSampler, BeginsWithAnEmbeddingOfTokens) {
  EXPECT_EQ(styles_for(kTokens, 4).size(), 4U);
  for (const Style style : styles_for(kTokens, 4)) {
    for (const Sequential& network : drawn(style, kTokens, 4)) {
      const nlohmann::json layers = describe(network).at("layers");
      ASSERT_TRUE(layers[0].contains("embedding")) << layers.dump();
      EXPECT_LE(forward_flops(network, kTokens, 4), 4e6);
      if (style == Style::mlp) {
        EXPECT_THAT(layers[1], AnyOf("flatten", "global_pool"));
      }
      if (style == Style::transformer) {
        EXPECT_FALSE(layers[1].contains("linear")) << layers.dump();
      }
    }
  }
}

TEST(DiverseSampler, DrawsManyAndSmallNetworks) {
  std::set<std::string> names, layers;
  int large = 0;
  for (const Sequential& network : drawn({})) {
    names.insert(network.name);
    const nlohmann::json description = describe(network);
    EXPECT_EQ(architecture_from(description), Architecture(network));
    for (const nlohmann::json& layer : description.at("layers")) {
      if (layer.is_string()) layers.insert(layer.get<std::string>());
      for (const auto& [key, value] : layer.items()) layers.insert(key);
    }
    large += forward_flops(network, kGrey, 10) > 4e6 ? 1 : 0;
  }
  EXPECT_GE(names.size(), kNetworks * 9 / 10);
  EXPECT_EQ(large, 0);
  for (const char* layer : {"batch_norm",  "layer_norm", "group_norm",
                            "relu",        "gelu",       "tanh",
                            "silu",        "max_pool",   "avg_pool",
                            "global_pool", "flatten",    "dropout",
                            "residual",    "depthwise",  "lstm",
                            "gru",         "rnn",        "transformer_block",
                            "patches",     "positions",  "rows"}) {
    EXPECT_EQ(layers.count(layer), 1U) << layer;
  }
}

TEST(DiverseSampler, DrawsTheRatesOfDropoutThatAreWanted) {
  Random random(3);
  std::set<double> rates;
  for (int i = 0; i < kNetworks; ++i) {
    const nlohmann::json network =
        describe(sample_diverse({{}, {0.3, 0.5}}, kGrey, 10, random));
    for (const nlohmann::json& layer : network.at("layers").flatten()) {
      if (layer.is_number_float()) rates.insert(layer.get<double>());
    }
  }
  EXPECT_THAT(rates, ElementsAre(0.3, 0.5));
  const nlohmann::json without =
      describe(sample_diverse({Style::mlp, {0}}, kGrey, 10, random));
  EXPECT_EQ(without.dump().find("dropout"), std::string::npos);
}

// What rows were measured with: raise kDiverseVersion when this changes.
TEST(DiverseSampler, DrawsTheSameOnEveryMachine) {
  Random random(7);
  std::vector<std::string> names;
  for (int i = 0; i < 4; ++i) {
    names.push_back(sample_diverse({}, kGrey, 10, random).name);
  }
  EXPECT_THAT(
      names,
      ElementsAre("transformer_5x32_layer_d9e9e4", "mlp_3x192_batch_d05dff",
                  "mlp_2x512_none_c97438", "transformer_2x96_layer_b562f7"));
  names.clear();
  for (const Style style : styles_for(kTokens, 4)) {
    names.push_back(sample_diverse({style, {}}, kTokens, 4, random).name);
  }
  names.push_back(sample_diverse({{}, {0.3, 0.5}}, kGrey, 10, random).name);
  EXPECT_THAT(names,
              ElementsAre("mlp_5x48_none_b6df00", "cnn_5x128_layer_596a73",
                          "recurrent_3x128_none_00a45e",
                          "transformer_2x32_layer_d65716",
                          "transformer_5x96_layer_3e102d"));
}

}  // namespace
}  // namespace cape::zoo
