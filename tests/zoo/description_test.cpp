#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "zoo/architecture.h"
#include "zoo/catalog.h"

namespace cape::zoo {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StrEq;
using ::testing::UnorderedElementsAre;

const std::vector<Architecture> kArchitectures = {
    Mlp{},
    Mlp{.layers = 4, .width = 1024},
    Mlp{.batch_norm = false},
    Mlp{.activation = Activation::relu},
    Mlp{.dropout = 0},
    Mlp{.dropout = 0.1 + 0.2},
    Vit{},
    Vit{.patch = 8},
    Vit{.width = 96},
    Vit{.depth = 2},
    Vit{.heads = 6},
    Vit{.mlp_ratio = 4},
    Sequential{.name = "lenet", .layers = {}},
    Sequential{
        .name = "",
        .initialization = Initialization::orthogonal,
        .layers = {layers::Conv{.outputs = 4, .kernel = 5},
                   layers::Residual{.layers = {layers::Tanh{}}, .shortcut = {}},
                   layers::Dropout{0.1 + 0.2}, layers::Flatten{}}},
};

/// What is said of a description that is refused.
std::string explain_mismatch(const json& description) {
  try {
    architecture_from(description);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

json mlp(json keys) {
  keys["family"] = "mlp";
  keys["kind"] = "mlp";
  return keys;
}

json vit(json keys) {
  keys["family"] = "transformer";
  keys["kind"] = "vit_tiny";
  return keys;
}

TEST(Description, NamesFamilyKindAndEveryParameter) {
  EXPECT_EQ(describe(Mlp{}), json::parse(R"({"family": "mlp", "kind": "mlp",
      "layers": 2, "width": 256, "batch_norm": true, "activation": "gelu",
      "dropout": 0.2})"));
  EXPECT_EQ(describe(Vit{}), json::parse(R"({"family": "transformer",
      "kind": "vit_tiny", "patch": 4, "width": 192, "depth": 6, "heads": 3,
      "mlp_ratio": 2})"));
}

TEST(Description, ReadsBackEqualFromItsText) {
  for (const Architecture& architecture : kArchitectures) {
    const std::string text = describe(architecture).dump();
    EXPECT_EQ(architecture_from(json::parse(text)), architecture) << text;
  }
}

TEST(Description, LeavesOutWhatHasItsDefault) {
  EXPECT_EQ(architecture_from(mlp({{"width", 512}})),
            Architecture(Mlp{.width = 512}));
  EXPECT_EQ(architecture_from(vit(json::object())), Architecture(Vit{}));
}

TEST(Description, TakesAWholeNumberForAReal) {
  EXPECT_EQ(architecture_from(mlp({{"dropout", 0}})),
            Architecture(Mlp{.dropout = 0}));
}

TEST(Description, OfAnUnknownFamilyIsRefusedWithTheOneMeant) {
  EXPECT_THAT(explain_mismatch({{"family", "mpl"}, {"kind", "mlp"}}),
              StrEq("unknown family 'mpl'; did you mean 'mlp'?"));
  EXPECT_THAT(explain_mismatch({{"family", "diffusion"}, {"kind", "unet"}}),
              StrEq("unknown family 'diffusion'; there are: mlp, cnn, rnn, "
                    "transformer, torchscript, sequential"));
  EXPECT_THAT(explain_mismatch({{"kind", "mlp"}}),
              HasSubstr("unknown family ''"));
}

TEST(Description, OfAnUnknownKindIsRefusedWithTheOneMeant) {
  EXPECT_THAT(
      explain_mismatch({{"family", "transformer"}, {"kind", "vit_tyni"}}),
      StrEq("no architecture 'vit_tyni' in family 'transformer'; did "
            "you mean 'vit_tiny'?"));
  EXPECT_THAT(explain_mismatch({{"family", "transformer"}, {"kind", "mlp"}}),
              StrEq("no architecture 'mlp' in family 'transformer'; there are: "
                    "cct_small, vit_tiny, pit_xs"));
}

TEST(Description, WithAnUnknownKeyIsRefusedWithTheOneMeant) {
  EXPECT_THAT(explain_mismatch(vit({{"dpeth", 4}})),
              StrEq("vit_tiny: unknown key 'dpeth'; did you mean 'depth'?"));
  EXPECT_THAT(explain_mismatch(mlp({{"momentum", 4}})),
              AllOf(HasSubstr("unknown key 'momentum'; the keys are "),
                    HasSubstr("batch_norm"), HasSubstr("width")));
}

TEST(Description, WithAValueOfAnotherTypeIsRefused) {
  EXPECT_THAT(explain_mismatch(mlp({{"width", "512"}})),
              StrEq("mlp: width must be a whole number (found \"512\")"));
  EXPECT_THAT(explain_mismatch(mlp({{"width", 512.5}})),
              HasSubstr("a whole number (found 512.5)"));
  EXPECT_THAT(explain_mismatch(mlp({{"width", true}})),
              HasSubstr("a whole number"));
  EXPECT_THAT(explain_mismatch(mlp({{"batch_norm", 1}})),
              HasSubstr("true or false"));
  EXPECT_THAT(explain_mismatch(mlp({{"dropout", "0.2"}})),
              HasSubstr("a number"));
  EXPECT_THAT(explain_mismatch(mlp({{"activation", 2}})), HasSubstr("a text"));
  EXPECT_THAT(explain_mismatch(mlp({{"width", nullptr}})),
              HasSubstr("a whole number"));
}

TEST(Description, WithAValueOutOfRangeIsRefused) {
  EXPECT_THAT(explain_mismatch(mlp({{"layers", 0}})),
              StrEq("mlp: layers must be between 1 and 64 (found 0)"));
  EXPECT_THAT(explain_mismatch(mlp({{"width", -1}})), HasSubstr("(found -1)"));
  EXPECT_THAT(explain_mismatch(mlp({{"dropout", 1}})), HasSubstr("0 and 0.95"));
  EXPECT_THAT(explain_mismatch(vit({{"depth", 1000000}})),
              HasSubstr("depth must be"));
  EXPECT_THAT(explain_mismatch(mlp({{"width", UINT64_MAX}})),
              HasSubstr("width must be between"));
}

TEST(Description, WithAnUnknownActivationIsRefused) {
  EXPECT_THAT(explain_mismatch(mlp({{"activation", "tanh"}})),
              StrEq("mlp: no activation 'tanh'; there are: gelu, relu"));
}

TEST(Description, OfAViTWhosePartsDoNotFitIsRefused) {
  EXPECT_THAT(explain_mismatch(vit({{"patch", 5}})),
              HasSubstr("patch must divide the image side (found 5 and 32)"));
  EXPECT_THAT(explain_mismatch(vit({{"heads", 5}})),
              HasSubstr("heads must divide width (found 5 and 192)"));
}

TEST(Description, ThatIsNoMapOfKeysIsRefused) {
  for (const char* text : {"null", "3", "\"mlp\"", "[]", "[\"mlp\"]"}) {
    EXPECT_THAT(explain_mismatch(json::parse(text)),
                HasSubstr("must be a map of keys"));
  }
  EXPECT_THAT(explain_mismatch({{"family", 3}, {"kind", "mlp"}}),
              StrEq("family must be a text (found 3)"));
  EXPECT_THAT(explain_mismatch({{"family", "mlp"}, {"kind", nullptr}}),
              StrEq("kind must be a text (found null)"));
}

TEST(ShortName, IsUniqueWithinTheFamily) {
  std::set<std::string> names;
  for (const Architecture& architecture : kArchitectures) {
    names.insert(family(architecture) + "/" + short_name(architecture));
  }
  EXPECT_EQ(names.size(), kArchitectures.size());
}

TEST(ShortName, SaysWhatDiffersFromTheDefaults) {
  EXPECT_EQ(short_name(Mlp{.layers = 3, .width = 512}), "mlp_3x512");
  EXPECT_EQ(
      short_name(Mlp{
          .batch_norm = false, .activation = Activation::relu, .dropout = 0}),
      "mlp_2x256_relu_nobn_drop0");
  EXPECT_EQ(short_name(Vit{}), "vit_tiny");
  EXPECT_EQ(short_name(Vit{.depth = 2}), "vit_p4_w192_d2_h3_r2");
}

TEST(Description, NamesAFileByWholeCharacters) {
  const std::string name = short_name(TorchScript{
      .file = "/x/x\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4.pt"});
  EXPECT_EQ(name, "x\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4");
}

TEST(Catalog, HoldsEachFamilyOnce) {
  EXPECT_THAT(families(), ElementsAre("mlp", "cnn", "rnn", "transformer",
                                      "torchscript", "sequential"));
}

TEST(Catalog, MakesAllThatItNames) {
  for (const std::string& family : families()) {
    const auto names = architecture_names(family);
    EXPECT_FALSE(names.empty()) << family;
    for (const std::string& name : names) {
      const Architecture made = make_architecture(family, name, json::object());
      EXPECT_EQ(zoo::family(made), family);
      EXPECT_EQ(describe(made).at("kind"), name);
    }
  }
}

TEST(Catalog, ListsTheKeysThatADescriptionHas) {
  EXPECT_THAT(architecture_keys("mlp"),
              UnorderedElementsAre("layers", "width", "batch_norm",
                                   "activation", "dropout"));
  EXPECT_THAT(
      architecture_keys("vit_tiny"),
      UnorderedElementsAre("patch", "width", "depth", "heads", "mlp_ratio"));
}

TEST(Catalog, HasNothingForNamesItDoesNotKnow) {
  EXPECT_TRUE(architecture_names("diffusion").empty());
  EXPECT_TRUE(architecture_keys("unet").empty());
}

}  // namespace
}  // namespace cape::zoo
