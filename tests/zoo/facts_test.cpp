#include "zoo/facts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "zoo/catalog.h"

namespace cape::zoo {
namespace {

/// As a row has them.
Facts from_row(const Architecture& architecture) {
  return facts_from(describe(architecture).dump());
}

TEST(Facts, NumberEveryKindOfTheZoo) {
  EXPECT_EQ(from_row(Mlp{}).kind, kKindOf<Mlp>);
  EXPECT_EQ(from_row(VggLite{}).kind, kKindOf<VggLite>);
  EXPECT_EQ(from_row(ResnetMini{}).kind, kKindOf<ResnetMini>);
  EXPECT_EQ(from_row(MobilenetMini{}).kind, kKindOf<MobilenetMini>);
  EXPECT_EQ(from_row(Lstm{}).kind, kKindOf<Lstm>);
  EXPECT_EQ(from_row(Gru{}).kind, kKindOf<Gru>);
  EXPECT_EQ(from_row(Cct{}).kind, kKindOf<Cct>);
  EXPECT_EQ(from_row(Vit{}).kind, kKindOf<Vit>);
  EXPECT_EQ(from_row(Pit{}).kind, kKindOf<Pit>);
  EXPECT_EQ(from_row(TorchScript{}).kind, kKindOf<TorchScript>);
  EXPECT_EQ(from_row(Sequential{}).kind, kKindOf<Sequential>);
  EXPECT_EQ(kKindOf<int>, kNoKind);
}

TEST(Facts, AreTheSameOfANetworkAndOfItsDescription) {
  std::set<int> kinds;
  for (const std::string& family : families()) {
    for (const std::string& name : architecture_names(family)) {
      const Architecture architecture =
          make_architecture(family, name, nlohmann::json::object());
      const Facts direct = facts(architecture);
      const Facts read = from_row(architecture);
      EXPECT_EQ(direct.kind, read.kind) << name;
      EXPECT_EQ(std::isnan(direct.depth), std::isnan(read.depth)) << name;
      EXPECT_TRUE(std::isnan(direct.depth) || direct.depth == read.depth);
      EXPECT_TRUE(std::isnan(direct.width) || direct.width == read.width);
      kinds.insert(direct.kind);
    }
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Architecture>);
}

TEST(DropoutRate, IsTheGreatestOfTheDescription) {
  EXPECT_EQ(dropout_rate(describe(Mlp{.dropout = 0.3}).dump()), 0.3);
  EXPECT_EQ(dropout_rate(describe(Gru{}).dump()), 0);
  EXPECT_EQ(dropout_rate(R"({"kind": "sequential", "layers": [
                "flatten", {"dropout": 0.1},
                {"residual": [{"linear": 8}, {"dropout": 0.5}]},
                {"transformer_block": 2, "dropout": 0.2}]})"),
            0.5);
  for (const char* text :
       {"no JSON", "[]", R"({"architecture": "ViT-Tiny-32/4"})"}) {
    EXPECT_TRUE(std::isnan(dropout_rate(text))) << text;
  }
  EXPECT_TRUE(std::isnan(dropout_rate(describe(TorchScript{}).dump())));
  const std::string deep(1'000'000, '[');
  EXPECT_EQ(dropout_rate(R"({"kind": "x", "dropout": 0.5, "a": )" + deep +
                         std::string(deep.size(), ']') + "}"),
            0.5);
}

TEST(Facts, HaveTheWidth) {
  EXPECT_EQ(from_row(Mlp{.width = 512}).width, 512);
  EXPECT_EQ(from_row(Gru{.hidden = 64}).width, 64);
  EXPECT_EQ(from_row(VggLite{.base = 16}).width, 16);
  EXPECT_EQ(from_row(ResnetMini{.base = 32}).width, 32);
  EXPECT_EQ(from_row(MobilenetMini{.width = 0.75, .stem = 32}).width, 24);
  EXPECT_EQ(from_row(Pit{.width = 96}).width, 96);
  EXPECT_TRUE(std::isnan(from_row(TorchScript{}).width));
}

TEST(Facts, HaveDepthAndOptions) {
  EXPECT_EQ(from_row(Mlp{.layers = 3}).depth, 3);
  EXPECT_EQ(from_row(VggLite{.convolutions = {2, 2, 1}}).depth, 5);
  EXPECT_EQ(from_row(VggLite{.convolutions = {10, 1, 1}}).depth, 12);
  EXPECT_EQ(from_row(ResnetMini{.blocks = 2}).depth, 6);
  EXPECT_EQ(from_row(Vit{.depth = 4}).depth, 4);
  EXPECT_EQ(from_row(Lstm{.layers = 2, .bidirectional = true}).depth, 2);
  EXPECT_TRUE(from_row(Lstm{.bidirectional = true}).bidirectional);
  EXPECT_FALSE(from_row(Lstm{}).bidirectional);
  EXPECT_TRUE(from_row(VggLite{.pool = true}).pool);
  EXPECT_FALSE(from_row(VggLite{}).pool);
}

TEST(Facts, OfAPublishedDescriptionAreWhatItSays) {
  const Facts vgg = facts_from(
      R"({"cnn_family": "vgg_lite", "depth_signature": "[10, 1, 1]",
          "downsample_type": "pool"})");
  EXPECT_EQ(vgg.kind, kKindOf<VggLite>);
  EXPECT_EQ(vgg.depth, 12);
  EXPECT_TRUE(std::isnan(vgg.width)) << "it does not say how wide it is";
  EXPECT_TRUE(vgg.pool);
  const Facts resnet = facts_from(
      R"({"cnn_family": "resnet_mini", "depth_signature": "[2, 2, 2]",
          "downsample_type": "proj_block"})");
  EXPECT_EQ(resnet.kind, kKindOf<ResnetMini>);
  EXPECT_EQ(resnet.depth, 6);
  EXPECT_FALSE(resnet.pool);
  const Facts mobilenet = facts_from(
      R"({"cnn_family": "mobilenetv2_mini", "depth_signature": "tiny_cfg"})");
  EXPECT_EQ(mobilenet.kind, kKindOf<MobilenetMini>);
  EXPECT_TRUE(std::isnan(mobilenet.depth));
  const Facts vit = facts_from(R"({"architecture": "ViT-Tiny-32/4"})");
  EXPECT_EQ(vit.kind, kKindOf<Vit>);
  EXPECT_TRUE(std::isnan(vit.depth));
}

TEST(Facts, OfANetworkThatThisZooDoesNotHaveAreNotKnown) {
  for (const char* text :
       {"", "no json", "[1]", R"({"kind": 7})", R"({"architecture": "ResNet"})",
        R"({"family": "cnn", "kind": "convnext", "depth": 9, "width": 64})",
        R"({"family": "cnn", "kind": "resnet_mini", "blocks": 2, "norm": "g"})",
        R"({"family": "mlp", "kind": "mlp", "activation": "swish"})"}) {
    const Facts unknown = facts_from(text);
    EXPECT_EQ(unknown.kind, kNoKind) << text;
    EXPECT_TRUE(std::isnan(unknown.depth)) << text;
    EXPECT_TRUE(std::isnan(unknown.width)) << text;
  }
}

TEST(PublishedNames, AreThoseOfTheFiles) {
  EXPECT_EQ(kind_published_as("ViT-Tiny-32/4"), "vit_tiny");
  EXPECT_EQ(kind_published_as("CCT-Small"), "cct_small");
  EXPECT_EQ(kind_published_as("PiT-XS"), "pit_xs");
  EXPECT_EQ(kind_published_as("mobilenetv2_mini"), "mobilenet_v2_mini");
  EXPECT_EQ(kind_published_as("ViT-Huge"), "");
  EXPECT_EQ(kind_published_as(""), "");
}

}  // namespace
}  // namespace cape::zoo
