// Networks as lists of layers: their text, shapes, sizes and messages.
#include "zoo/sequential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "shapes.h"
#include "zoo/architecture.h"
#include "zoo/facts.h"

namespace cape::zoo {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using testing::StrEq;

const Shape kSteps = {20, 6};

Sequential network(const std::string& layers) {
  return std::get<Sequential>(
      architecture_from({{"family", "sequential"},
                         {"kind", "sequential"},
                         {"layers", json::parse(layers)}}));
}

/// What is said of a list that is refused.
std::string refusal(const std::string& layers) {
  try {
    network(layers);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

/// What is said of a list that does not fit the samples.
std::string mismatch(const std::string& layers, const Shape& sample = kGrey,
                     const Head& head = 10) {
  const std::string all = explain_mismatch(network(layers), sample, head);
  const std::size_t start = all.find("layers");
  return start == std::string::npos ? all : all.substr(start);
}

Shape output(const std::string& layers, const Shape& sample = kGrey) {
  return layers::effect_of(network(layers).layers, sample).output;
}

std::int64_t parameters(const std::string& layers,
                        const Shape& sample = kGrey) {
  return layers::effect_of(network(layers).layers, sample).parameters;
}

double flops(const std::string& layers, const Shape& sample = kGrey) {
  return layers::effect_of(network(layers).layers, sample).flops;
}

constexpr const char* kLenet =
    R"([{"conv": 6, "kernel": 5, "padding": 2}, "tanh", {"avg_pool": 2},
        {"conv": 16, "kernel": 5}, "tanh", {"avg_pool": 2}, "flatten",
        {"linear": 120}, "tanh", {"linear": 84}, "tanh"])";

TEST(LayerList, OfLenetHasItsParametersAndOperations) {
  const Sequential lenet = network(kLenet);
  EXPECT_EQ(parameter_count(lenet, kGrey, 10), 61706);
  EXPECT_EQ(forward_flops(lenet, kGrey, 10),
            2 * (28 * 28 * 6 * 25.0 + 10 * 10 * 16 * 6 * 25 + 400 * 120 +
                 120 * 84 + 84 * 10));
  EXPECT_THAT(explain_mismatch(lenet, kGrey, 10), IsEmpty());
}

TEST(LayerList, WithoutLayersIsALinearModel) {
  EXPECT_EQ(parameter_count(network("[]"), {12}, 3), 39);
  EXPECT_EQ(parameter_count(network(R"(["flatten"])"), kGrey, 10), 7850);
}

TEST(LayerList, MakesShapes) {
  EXPECT_EQ(output(R"([{"conv": 8}])"), (Shape{8, 26, 26}));
  EXPECT_EQ(output(R"([{"conv": 8, "stride": 2, "padding": 1}])"),
            (Shape{8, 14, 14}));
  EXPECT_EQ(output(R"([{"depthwise": 5, "padding": 2}])", kColour), kColour);
  EXPECT_EQ(output(R"([{"max_pool": 3, "stride": 2, "padding": 1}])"),
            (Shape{1, 14, 14}));
  EXPECT_EQ(output(R"(["global_pool"])", kColour), (Shape{3}));
  EXPECT_EQ(output(R"(["rows"])", kColour), (Shape{32, 96}));
  EXPECT_EQ(output(R"(["tokens"])", kColour), (Shape{1024, 3}));
  EXPECT_EQ(output(R"([{"patches": 48, "size": 7}, "positions",
                       {"transformer_block": 4}])"),
            (Shape{16, 48}));
  EXPECT_EQ(output(R"(["rows", {"lstm": 32, "bidirectional": true}])"),
            (Shape{64}));
  EXPECT_EQ(output(R"(["rows", {"gru": 32, "output": "all"}, {"rnn": 8}])"),
            (Shape{8}));
  EXPECT_EQ(output(R"([{"conv": 12, "kernel": 5, "stride": 2}, "batch_norm",
                       {"avg_pool": 2}, {"group_norm": 3}])",
                   kSteps),
            (Shape{4, 12}));
  EXPECT_EQ(output(R"([{"linear": 3}, "global_pool"])", kSteps), (Shape{3}));
}

TEST(LayerList, CountsTheParametersOfEachLayer) {
  EXPECT_EQ(parameters(R"([{"linear": 5, "bias": false}])", {7}), 35);
  EXPECT_EQ(parameters(R"([{"linear": 5}])", kSteps), 35);
  EXPECT_EQ(parameters(R"([{"conv": 8, "kernel": 5, "groups": 2}])", kSteps),
            8 * 3 * 5 + 8);
  EXPECT_EQ(parameters(R"([{"conv": 6, "groups": 3}])", kColour), 6 * 9 + 6);
  EXPECT_EQ(parameters(R"([{"depthwise": 3, "bias": false}])", kColour), 27);
  EXPECT_EQ(
      parameters(R"(["batch_norm", "layer_norm", {"group_norm": 1}])", kColour),
      18);
  EXPECT_EQ(parameters(R"([{"patches": 8, "size": 4}, "positions"])"),
            8 * 16 + 8 + 49 * 8);
  EXPECT_EQ(parameters(R"([{"lstm": 8, "layers": 2, "bidirectional": true}])",
                       kSteps),
            2 * (4 * 8 * (6 + 8) + 64) + 2 * (4 * 8 * (16 + 8) + 64));
  EXPECT_EQ(parameters(R"([{"rnn": 8}])", kSteps), 8 * (6 + 8) + 16);
  EXPECT_EQ(parameters(R"([{"transformer_block": 2, "mlp_ratio": 4}])", kSteps),
            4 * 42 + 2 * 12 + (6 * 24 + 24) + (24 * 6 + 6));
}

TEST(LayerList, CountsTheOperationsOfGatesByStep) {
  const double weights = 3 * 8 * (6 + 8);
  EXPECT_EQ(flops(R"([{"gru": 8}])", kSteps), 2 * 20 * weights);
  EXPECT_EQ(flops(R"([{"gru": 8, "bidirectional": true}])", kSteps),
            2 * 21 * weights);
  EXPECT_EQ(
      flops(R"([{"gru": 8, "bidirectional": true, "output": "all"}])", kSteps),
      2 * 40 * weights);
}

TEST(LayerList, ProjectsTheInputOfAResidualWhereTheShapeChanges) {
  EXPECT_EQ(parameters(R"([{"residual": [{"linear": 6}]}])", {6}), 42);
  EXPECT_EQ(parameters(R"([{"residual": [{"linear": 5}]}])", {6}), 35 + 6 * 5);
  EXPECT_EQ(parameters(R"([{"residual": [{"linear": 5}]}])", kSteps),
            35 + 6 * 5);
  const char* const halved =
      R"([{"residual": [{"conv": 4, "stride": 2, "padding": 1}]}])";
  EXPECT_EQ(output(halved, kColour), (Shape{4, 16, 16}));
  EXPECT_EQ(parameters(halved, kColour), 27 * 4 + 4 + 3 * 4);
  EXPECT_EQ(flops(halved, kColour), 2.0 * 256 * (27 * 4 + 3 * 4));
  const char* const given =
      R"([{"residual": [{"conv": 4, "stride": 2, "padding": 1}],
           "shortcut": [{"avg_pool": 2}, {"conv": 4, "kernel": 1}]}])";
  EXPECT_EQ(parameters(given, kColour), 27 * 4 + 4 + 3 * 4 + 4);
}

TEST(LayerList, IsWrittenWithoutDefaults) {
  const json text = json::parse(
      R"([{"conv": 6, "kernel": 5}, "tanh", {"max_pool": 2},
          {"residual": [{"conv": 6, "padding": 1}, "relu"]}, "flatten",
          {"dropout": 0.1}])");
  EXPECT_EQ(describe(network(text.dump())).at("layers"), text);
  EXPECT_EQ(describe(network(R"([{"conv": 6, "kernel": 3, "stride": 1,
                                  "bias": true, "groups": 1}])"))
                .at("layers"),
            json::parse(R"([{"conv": 6}])"));
}

TEST(LayerList, MayHaveAKeyThatIsAnotherLayersName) {
  EXPECT_EQ(
      network(R"([{"transformer_block": 2, "dropout": 0.1}])").layers,
      (layers::Layers{layers::TransformerBlock{.heads = 2, .dropout = 0.1}}));
}

TEST(LayerList, HasAnIdentityWithoutItsName) {
  Sequential named = network(kLenet);
  named.name = "lenet";
  EXPECT_EQ(identity(named), identity(network(kLenet)));
  EXPECT_EQ(short_name(named), "lenet");
  EXPECT_THAT(short_name(network(kLenet)), StartsWith("sequential_"));
  EXPECT_NE(short_name(network(kLenet)), short_name(network("[]")));
  named.initialization = Initialization::xavier;
  EXPECT_NE(identity(named), identity(network(kLenet)));
}

TEST(LayerList, HasTheFactsOfItsWeightLayers) {
  const Facts facts = zoo::facts(network(
      R"(["rows", {"lstm": 32, "layers": 2, "bidirectional": true},
          {"linear": 16}])"));
  EXPECT_EQ(facts.depth, 3);
  EXPECT_EQ(facts.width, 64);
  EXPECT_TRUE(facts.bidirectional);
  EXPECT_FALSE(facts.pool);
}

TEST(LayerList, WithAWordThatIsNoneIsRefusedWithTheNearest) {
  EXPECT_THAT(refusal(R"(["relu", "flaten"])"),
              StrEq("layers[1]: unknown layer 'flaten'; did you mean "
                    "'flatten'?"));
  EXPECT_THAT(refusal(R"([{"cnov": 3, "kernel": 5}])"),
              StrEq("layers[0]: unknown layer 'cnov'; did you mean 'conv'?"));
  EXPECT_THAT(refusal(R"([{"conv": 3, "kernal": 5}])"),
              StrEq("layers[0] conv: unknown key 'kernal'; did you mean "
                    "'kernel'?"));
  EXPECT_THAT(refusal(R"([{"residual": ["relu", {"linera": 3}]}])"),
              StrEq("layers[0].residual[1]: unknown layer 'linera'; did you "
                    "mean 'linear'?"));
  EXPECT_THAT(refusal(R"(["upsample"])"),
              HasSubstr("unknown layer 'upsample'; there are: linear, conv, "));
  EXPECT_THAT(refusal(R"([{"width": 3}])"),
              HasSubstr("no layer among the keys width; there are: linear"));
}

TEST(LayerList, WithAValueOfTheWrongKindIsRefused) {
  EXPECT_THAT(refusal(R"(["conv"])"),
              StrEq("layers[0] conv: needs a value; write {conv: OUTPUTS}"));
  EXPECT_THAT(refusal(R"([{"relu": 3}])"),
              StrEq("layers[0] relu: takes no value; write it as the word "
                    "relu"));
  EXPECT_THAT(refusal(R"([{"conv": 0}])"),
              StrEq("layers[0] conv: its value must be a whole number from 1 "
                    "to 65536 (found 0)"));
  EXPECT_THAT(refusal(R"([{"conv": 3, "kernel": "5"}])"),
              StrEq("layers[0] conv: kernel must be a whole number from 1 to "
                    "128 (found \"5\")"));
  EXPECT_THAT(refusal(R"([{"conv": 3, "bias": 1}])"),
              HasSubstr("bias must be true or false"));
  EXPECT_THAT(refusal(R"([{"dropout": 1}])"), HasSubstr("from 0 to 0.95"));
  EXPECT_THAT(refusal(R"([{"gru": 3, "output": "first"}])"),
              HasSubstr("output must be one of last, all (found \"first\")"));
  EXPECT_THAT(refusal(R"([{"conv": 3, "linear": 5}])"),
              HasSubstr("conv and linear in one entry"));
  EXPECT_THAT(refusal(R"([{"residual": []}])"),
              HasSubstr("a list of at least one layer"));
  EXPECT_THAT(refusal("[3]"), HasSubstr("a layer must be a word or a map"));
  std::string deep = R"("relu")";
  for (int i = 0; i < 50; ++i) deep = R"({"residual": [)" + deep + "]}";
  EXPECT_THAT(refusal("[" + deep + "]"), HasSubstr("lists within each other"));
}

TEST(LayerList, ThatDoesNotFitTheSamplesIsRefusedWithPlaceAndShapes) {
  EXPECT_THAT(
      mismatch(R"([{"max_pool": 9}, "relu", {"conv": 4, "kernel": 5}])"),
      StrEq("layers[2] conv: kernel 5 does not fit into 3 x 3"));
  EXPECT_THAT(mismatch(R"([{"residual": ["tanh", {"conv": 4, "kernel": 40,
                           "padding": 1}]}])"),
              StrEq("layers[0].residual[1] conv: kernel 40 does not fit into "
                    "28 x 28 with padding 1"));
  EXPECT_THAT(mismatch(R"([{"conv": 4, "kernel": 9}, "flatten"])", kSteps),
              IsEmpty());
  EXPECT_THAT(mismatch(R"([{"conv": 4, "kernel": 21}])", kSteps),
              StrEq("layers[0] conv: kernel 21 does not fit into 20 steps"));
  EXPECT_THAT(mismatch(R"([{"linear": 4}])"),
              StrEq("layers[0] linear: takes vectors or sequences, and an "
                    "image 1 x 28 x 28 comes in; put flatten or global_pool "
                    "before it"));
  EXPECT_THAT(mismatch(R"(["flatten", {"conv": 4}])"),
              StrEq("layers[1] conv: takes images or sequences, and a vector "
                    "of 784 comes in"));
  EXPECT_THAT(mismatch(R"([{"patches": 8, "size": 5}])"),
              StrEq("layers[0] patches: size 5 does not divide 28 x 28"));
  EXPECT_THAT(mismatch(R"([{"conv": 6, "groups": 4}])"),
              HasSubstr("groups must divide the features that come in and "
                        "those that go out (found 4, 1 and 6)"));
  EXPECT_THAT(mismatch(R"(["rows", {"transformer_block": 3}])"),
              HasSubstr("3 heads do not divide 28 features"));
  EXPECT_THAT(mismatch(R"([{"group_norm": 2}])"),
              HasSubstr("2 groups do not divide 1 features"));
  EXPECT_THAT(mismatch(R"([{"lstm": 2}])"), HasSubstr("put rows before it"));
  EXPECT_THAT(mismatch(R"([{"residual": [{"conv": 8, "kernel": 5}]}])"),
              HasSubstr("layers[0] residual: the layers inside make an image "
                        "8 x 24 x 24 of an image 1 x 28 x 28"));
  EXPECT_THAT(mismatch(R"([{"conv": 6}])"),
              StrEq("layers: the output layer takes a vector, and the list "
                    "ends with 6 x 26 x 26; end it with flatten or "
                    "global_pool"));
  EXPECT_THAT(mismatch(R"([{"linear": 60000}, {"linear": 60000}])", {60000}),
              HasSubstr("too large"));
}

TEST(LayerList, NeedsAllStepsForOutputsAtEveryStep) {
  const Head every_step(3, /*per_step=*/true);
  EXPECT_THAT(mismatch(R"([{"gru": 8, "output": "all"}])", kSteps, every_step),
              IsEmpty());
  EXPECT_EQ(parameter_count(network(R"([{"linear": 8}])"), kSteps, every_step),
            7 * 8 + 9 * 3);
  EXPECT_EQ(forward_flops(network(R"([{"linear": 8}])"), kSteps, every_step),
            2.0 * 20 * (6 * 8 + 8 * 3));
  EXPECT_THAT(mismatch(R"([{"gru": 8}])", kSteps, every_step),
              HasSubstr("outputs for each of 20 steps, and the list ends with "
                        "8; keep all steps"));
}

TEST(LayerList, WithANameThatCannotBeOneIsRefused) {
  const auto named = [](const std::string& name) {
    return architecture_from(
        {{"family", "sequential"}, {"kind", "sequential"}, {"name", name}});
  };
  EXPECT_EQ(short_name(named("LeNet-5.b_2")), "LeNet-5.b_2");
  EXPECT_THROW(named("a b"), UserError);
  EXPECT_THROW(named(std::string(61, 'x')), UserError);
}

}  // namespace
}  // namespace cape::zoo
