// Twenty rows of data/ with their keys: whatever this program learns to do, the
// grid that measured them finds them again, gives them the same seeds, and
// draws the same networks and variants.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grid/config_yaml.h"
#include "grid/grid.h"

namespace cape::grid {
namespace {

struct StoredRow {
  const char* config;  ///< configs/metadataset/<config>.yaml
  const char* trajectory;
  const char* key;
  double epsilon;
  std::uint64_t seed;
  const char* architecture;
  const char* variant;
};

constexpr StoredRow kRows[] = {
    {"mlp", "c32f6e4c0104377bf41bbebd0000000a",
     "b7c29bf3b5a69d18b35333b5b4d11c78", 0.1, 1920897905565725843U,
     "mlp_4x1024", R"()"},
    {"mlp", "42c19adc2bd5394e1e5e6a4200000015",
     "c432584c61e9b18ab9d05ca1b8be9b00", 0.2, 14381913247731633126U,
     "mlp_3x256", R"()"},
    {"mlp", "a08761393c0bf04952fdd0b200000008",
     "da448f97f47a022bc6bba30eaef94659", 0.2, 357985697151692814U, "mlp_3x256",
     R"()"},
    {"mlp_variants", "5fbcfcecd26156ef6543a85200000021",
     "1179ad277daa341217d74db1f9db0970", 0.15, 13640642278191120858U,
     "mlp_2x512", R"({"classes":3,"lowres":4,"noise":0.25,"scale":0.312})"},
    {"mlp_variants", "687f6246a236ed52cf2d89310000004f",
     "2fa6cde4c6aad950416366d6900c819b", 0.2, 6476371000614498652U,
     "mlp_2x1024", R"({"lowres":2,"scale":1.461})"},
    {"mlp_variants", "457c4d13ee189d778e7093320000001f",
     "1a22bcfb5d08c06df39b75059d012b37", 0.15, 17438569520162728764U,
     "mlp_3x512", R"({"label_noise":0.144,"scale":1.666})"},
    {"cnn", "1c3c9f4ff643922a4b4995a500000004",
     "d14fab9e89e1d4a44d471115a1833c27", 0.2, 4349317835588468695U,
     "mobilenet_v2_mini_x0.5_16_2_drop0.1", R"()"},
    {"cnn", "03d649be4c791eaf66f9716200000000",
     "26b4531b75b1af14ad517b65bc26a2bf", 0.2, 9714949970443672829U,
     "vgg_lite_32_2-1-1_pool", R"()"},
    {"rnn", "63614b7941354e3b6cf14afb00000007",
     "bdba0f5c04a604cc1b51a61262266acf", 0.2, 13755508429364006028U,
     "gru_1x512_bi", R"()"},
    {"rnn", "c02955ac84098040f7b5ff1000000009",
     "b55e55325180e887552a831ccd77aac4", 0.1, 7770463048777609984U,
     "gru_3x256_bi", R"()"},
    {"rnn", "cd26afb78fc5a3b1d19b054100000002",
     "d3569eab000ec5527054c6ffd74369e9", 0.15, 5443066658641532684U,
     "gru_3x128", R"()"},
    {"transformer", "3d84a4036c09084e43fa323c00000001",
     "126c91e265eb58d2365c849fc739bdfc", 0.2, 3624016083022208544U, "cct_small",
     R"()"},
    {"transformer", "631458a3f5c1b94398f03a9300000003",
     "a1bdb44083a0e4c10ca6269f7ce80bb5", 0.15, 12956785243582893488U, "pit_xs",
     R"()"},
    {"transformer", "22396a12818533518d209a2000000002",
     "64897d896d2119578b5054d929e9e9d4", 0.1, 7639076395247297375U, "pit_xs",
     R"()"},
    {"cnn_variants", "bc1ff0a295a32bb3f02327ab00000006",
     "18a08b048faf56b442ca499621d2275e", 0.15, 10308991807133523575U,
     "resnet_mini_32_2_drop0.1",
     R"({"classes":5,"label_noise":0.093,"noise":0.457,"scale":1.462})"},
    {"cnn_variants", "ea7889fba012763d7b4da7ea00000004",
     "9eb69f250d69086ba66d42427d33a3da", 0.1, 8352876365592311319U,
     "vgg_lite_64_2-1-1",
     R"({"classes":7,"invert":true,"lowres":2,"scale":1.941})"},
    {"rnn_variants", "1c9ffe956f7764b3a77b262d00000005",
     "626c8e30e2d855a90627538d6db9faff", 0.1, 7977695825020778792U, "gru_2x512",
     R"({"classes":7,"invert":true,"label_noise":0.276,"lowres":2,"noise":0.786,"scale":1.292})"},
    {"rnn_variants", "2f792a40e8b40058c830dfe600000008",
     "1c45aad643dcbcc95beab0b26a8ea88b", 0.15, 12952109801887601816U,
     "gru_3x128_bi", R"({"classes":35,"label_noise":0.154,"scale":3.687})"},
    {"transformer_variants", "0704ad51bf8a851812e56f8600000001",
     "9512aabfc5b9835b6fbf3a4b6d30c04b", 0.1, 2087361895982645774U, "pit_xs",
     R"({"classes":2,"label_noise":0.226,"noise":0.958,"scale":2.678})"},
    {"transformer_variants", "c552ec6546d63826c1654ecc00000000",
     "cce7c4e671fdcdac9c1b19da8762f78e", 0.1, 12431861003923951576U,
     "cct_small",
     R"({"classes":91,"invert":true,"lowres":2,"noise":0.197,"scale":1.183})"},
};

/// The data sets that the rows of data/ were measured on.
datasets::DatasetInfo measured_dataset(const std::string& name) {
  struct Facts {
    const char* name;
    const char* fingerprint;
    std::int64_t samples;
  };
  constexpr Facts kFacts[] = {
      {"mnist", "04eb34d2c395f959329ff788e90ccd9a", 60000},
      {"fashion_mnist", "88a01144c6759f8a75706e5b46fe79d3", 60000},
      {"cifar10", "55fac5c9263abce301af6e36f31808ab", 20000},
      {"cifar100", "4586e0616dced8b4726292cba78fa61c", 10000}};
  for (const Facts& facts : kFacts) {
    if (name != facts.name) continue;
    const bool is_cifar = name.starts_with("cifar");
    return {.name = name,
            .shape = is_cifar ? std::vector<std::int64_t>{3, 32, 32}
                              : std::vector<std::int64_t>{1, 28, 28},
            .classes = name == "cifar100" ? 100 : 10,
            .samples = facts.samples,
            .train_size = is_cifar ? 50000 : 60000,
            .fingerprint = facts.fingerprint,
            .directory = "/data"};
  }
  ADD_FAILURE() << "no facts of " << name;
  return {};
}

Grid grid_of(const std::string& config_name) {
  const Config config = load_config(
      CAPE_FIXTURES "/../../configs/metadataset/" + config_name + ".yaml", {});
  std::vector<datasets::DatasetInfo> datasets;
  for (const DatasetSpec& spec : config.grid.datasets) {
    datasets.push_back(measured_dataset(spec.name));
  }
  return {config, datasets};
}

TEST(GoldenKeys, FindTwentyRowsOfTheRepository) {
  for (const StoredRow& row : kRows) {
    const Grid grid = grid_of(row.config);
    const auto index = grid.find(row.trajectory);
    ASSERT_TRUE(index) << row.config << " " << row.trajectory;
    EXPECT_EQ(grid.trajectory_key(*index), row.trajectory);
    EXPECT_EQ(trial::cell_key(row.trajectory, trial::Epsilon{row.epsilon}),
              row.key);
    const trial::TrialTask task =
        grid.trajectory(*index, grid.all_criteria()).task;
    EXPECT_EQ(task.seed, row.seed);
    EXPECT_EQ(zoo::short_name(task.architecture), row.architecture);
    EXPECT_EQ(task.dataset.variant == datasets::Variant{}
                  ? ""
                  : to_json(task.dataset.variant).dump(),
              row.variant);
    EXPECT_EQ(task.optimizer, trial::Optimizer(trial::AdamW{}));
    EXPECT_EQ(task.target, trial::Target(trial::BatchSteps{}));
  }
}

}  // namespace
}  // namespace cape::grid
