#include "predictor/architecture_traits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "zoo/architecture.h"

namespace cape {
namespace {

ArchitectureTraits traits(const zoo::Architecture& architecture) {
  return traits_of(zoo::describe(architecture).dump());
}

TEST(ArchitectureTraits, KnowEveryArchitectureOfTheZoo) {
  EXPECT_EQ(traits(zoo::VggLite{}).kind, ArchitectureKind::vgg_lite);
  EXPECT_EQ(traits(zoo::ResnetMini{}).kind, ArchitectureKind::resnet_mini);
  EXPECT_EQ(traits(zoo::MobilenetMini{}).kind, ArchitectureKind::mobilenet);
  EXPECT_EQ(traits(zoo::Lstm{}).kind, ArchitectureKind::lstm);
  EXPECT_EQ(traits(zoo::Gru{}).kind, ArchitectureKind::gru);
  EXPECT_EQ(traits(zoo::Cct{}).kind, ArchitectureKind::cct);
  EXPECT_EQ(traits(zoo::Vit{}).kind, ArchitectureKind::vit);
  EXPECT_EQ(traits(zoo::Pit{}).kind, ArchitectureKind::pit);
}

TEST(ArchitectureTraits, ReadTheWidth) {
  EXPECT_EQ(traits(zoo::Mlp{.width = 512}).width, 512);
  EXPECT_EQ(traits(zoo::Gru{.hidden = 64}).width, 64);
  EXPECT_EQ(traits(zoo::VggLite{.base = 16}).width, 16);
  EXPECT_EQ(traits(zoo::ResnetMini{.base = 32}).width, 32);
  EXPECT_EQ(traits(zoo::MobilenetMini{.width = 0.75, .stem = 32}).width, 24);
  EXPECT_EQ(traits(zoo::Pit{.width = 96}).width, 96);
  EXPECT_TRUE(std::isnan(traits_of(R"({"kind": "vgg_lite"})").width));
}

TEST(ArchitectureTraits, ReadDepthAndOptions) {
  EXPECT_EQ(traits(zoo::Mlp{.layers = 3}).depth, 3);
  EXPECT_EQ(traits(zoo::VggLite{.convolutions = {2, 2, 1}}).depth, 5);
  EXPECT_EQ(traits(zoo::ResnetMini{.blocks = 2}).depth, 6);
  EXPECT_EQ(traits(zoo::Vit{.depth = 4}).depth, 4);
  EXPECT_EQ(traits(zoo::Lstm{.layers = 2, .bidirectional = true}).depth, 2);
  EXPECT_TRUE(traits(zoo::Lstm{.bidirectional = true}).bidirectional);
  EXPECT_TRUE(traits(zoo::VggLite{.pool = true}).pool);
  EXPECT_FALSE(traits(zoo::VggLite{}).pool);
}

TEST(ArchitectureTraits, AreTheSameOfAPublishedDescription) {
  const ArchitectureTraits vgg = traits_of(
      R"({"cnn_family": "vgg_lite", "depth_signature": "[2, 1, 1]",
          "downsample_type": "pool"})");
  EXPECT_EQ(vgg.kind, ArchitectureKind::vgg_lite);
  EXPECT_EQ(vgg.depth, 4);
  EXPECT_TRUE(vgg.pool);
  const ArchitectureTraits mobilenet = traits_of(
      R"({"cnn_family": "mobilenetv2_mini", "depth_signature": "tiny_cfg"})");
  EXPECT_EQ(mobilenet.kind, ArchitectureKind::mobilenet);
  EXPECT_TRUE(std::isnan(mobilenet.depth));
  EXPECT_EQ(traits_of(R"({"architecture": "ViT-Tiny-32/4"})").kind,
            ArchitectureKind::vit);
}

TEST(ArchitectureTraits, OfAnUnknownTextAreTheDefaults) {
  for (const char* text : {"", "no json", "[1]", R"({"kind": 7})"}) {
    EXPECT_EQ(traits_of(text).kind, ArchitectureKind::other) << text;
    EXPECT_TRUE(std::isnan(traits_of(text).depth)) << text;
  }
}

}  // namespace
}  // namespace cape
