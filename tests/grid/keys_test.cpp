// Keys decide which rows are done, and every seed comes from one: they change
// with what changes a row, and with nothing else.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/hash.h"
#include "grid/grid.h"
#include "grid/sample_grid.h"

namespace cape::grid {
namespace {

struct Setting {
  Config config = single_group();
  datasets::DatasetInfo dataset = sample_dataset("mnist");
};

/// A change of one setting, by the setting's name.
using Change = std::pair<const char*, std::function<void(Setting&)>>;

std::string key_after(const Change& change) {
  Setting setting;
  change.second(setting);
  return Grid(setting.config, {setting.dataset}).trajectory_key(1);
}

std::string unchanged_key() {
  return key_after({"", [](Setting&) {}});
}

TEST(TrajectoryKey, ChangesWithEverySettingThatChangesRows) {
  const std::vector<Change> changes = {
      {"seed", [](Setting& s) { s.config.seed = 43; }},
      {"architecture",
       [](Setting& s) {
         s.config.grid.models = {listed_mlps({zoo::Mlp{.dropout = 0.3}})};
       }},
      {"sampler", [](Setting& s) { s.config.grid.models = {sampled_mlps()}; }},
      {"data set", [](Setting& s) { s.dataset.name = "fashion_mnist"; }},
      {"fingerprint", [](Setting& s) { s.dataset.fingerprint = "other"; }},
      {"train_size", [](Setting& s) { s.dataset.train_size = 50000; }},
      {"task", [](Setting& s) { s.dataset.task = datasets::Task::regression; }},
      {"learning_rate",
       [](Setting& s) { s.config.grid.learning_rate = {1.0000001e-3}; }},
      {"batch_size", [](Setting& s) { s.config.grid.batch_size = {33}; }},
      {"max_steps",
       [](Setting& s) { s.config.train.batch_steps.max_steps = 4999; }},
      {"plateau_window",
       [](Setting& s) { s.config.train.batch_steps.plateau_window = 199; }},
      {"plateau_tolerance",
       [](Setting& s) { s.config.train.batch_steps.plateau_tolerance = 2e-4; }},
      {"weight_decay", [](Setting& s) { s.config.train.weight_decay = 0; }},
      {"adam",
       [](Setting& s) {
         s.config.grid.optimizer = {{.optimizer = trial::Adam{}}};
       }},
      {"sgd",
       [](Setting& s) {
         s.config.grid.optimizer = {{.optimizer = trial::Sgd{}}};
       }},
      {"momentum",
       [](Setting& s) {
         s.config.grid.optimizer = {{.optimizer = trial::Sgd{.momentum = 0.5}}};
       }},
      {"nesterov",
       [](Setting& s) {
         s.config.grid.optimizer = {
             {.optimizer = trial::Sgd{.nesterov = true}}};
       }},
      {"weight decay of its own",
       [](Setting& s) {
         s.config.grid.optimizer = {
             {.optimizer = trial::AdamW{.weight_decay = 0.5},
              .has_weight_decay = true}};
       }},
      {"independent_epsilon",
       [](Setting& s) { s.config.train.independent_epsilon = true; }},
      {"an independent epsilon",
       [](Setting& s) {
         s.config.train.independent_epsilon = true;
         s.config.grid.epsilon = {0.3};
       }},
  };
  std::set<std::string> keys = {unchanged_key()};
  for (const Change& change : changes) {
    EXPECT_TRUE(keys.insert(key_after(change)).second) << change.first;
  }
}

TEST(TrajectoryKey, ChangesWithNothingElse) {
  const std::vector<Change> changes = {
      {"name", [](Setting& s) { s.config.name = "other"; }},
      {"data_dir", [](Setting& s) { s.config.data_dir = "/other"; }},
      {"trials", [](Setting& s) { s.config.grid.trials = 1000; }},
      {"record_at_least",
       [](Setting& s) { s.config.train.batch_steps.record_at_least = 60; }},
      {"epsilon",
       [](Setting& s) {
         s.config.grid.epsilon = {0.5, 0.3, 0.1};
       }},
      {"device",
       [](Setting& s) { s.config.workers.device = DeviceChoice::cuda; }},
      {"workers",
       [](Setting& s) {
         s.config.workers = {.per_rank = 4,
                             .per_gpu = 3,
                             .threads = 2,
                             .retries = 9,
                             .trial_timeout = 17,
                             .gflops = 5,
                             .peer_timeout = 7};
       }},
      {"output",
       [](Setting& s) {
         s.config.output = {.flush_seconds = 1,
                            .retry_seconds = 2,
                            .rows_per_shard = 7,
                            .curves = false};
       }},
      {"locations",
       [](Setting& s) {
         s.config.locations = {{"seed", "x"}};
       }},
      {"directory", [](Setting& s) { s.dataset.directory = "/other"; }},
  };
  for (const Change& change : changes) {
    EXPECT_EQ(key_after(change), unchanged_key()) << change.first;
  }
}

std::set<std::string> all_keys(const Config& config) {
  const Grid grid = make_grid(config);
  std::set<std::string> keys;
  for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
    keys.insert(grid.trajectory_key(i));
  }
  return keys;
}

TEST(TrajectoryKey, IsUniqueInAGrid) {
  EXPECT_EQ(all_keys(many_groups()).size(), 72U * 5);
}

TEST(TrajectoryKey, DoesNotDependOnTheOrderOrTheRestOfTheAxes) {
  const std::set<std::string> keys = all_keys(many_groups());
  Config turned = many_groups();
  std::reverse(turned.grid.models.begin(), turned.grid.models.end());
  std::reverse(turned.grid.datasets.begin(), turned.grid.datasets.end());
  std::reverse(turned.grid.learning_rate.values.begin(),
               turned.grid.learning_rate.values.end());
  std::reverse(turned.grid.batch_size.values.begin(),
               turned.grid.batch_size.values.end());
  EXPECT_EQ(all_keys(turned), keys);
  turned.grid.batch_size = {64};
  turned.grid.datasets = {{.name = "mnist"}};
  const std::set<std::string> some = all_keys(turned);
  EXPECT_EQ(some.size(), keys.size() / 6);
  EXPECT_TRUE(
      std::includes(keys.begin(), keys.end(), some.begin(), some.end()));
}

/// The architectures of a grid's first four trajectories.
std::string drawn_names(const Grid& grid) {
  std::string names;
  for (std::int64_t i = 0; i < 4; ++i) {
    const auto task = grid.trajectory(i, grid.all_criteria()).task;
    names += zoo::short_name(task.architecture) + " ";
  }
  return names;
}

TEST(TrajectoryKey, IsTheOneThatRowsOfThisProtocolHave) {
  // Rows that were measured before are found by these. Who changes them says
  // that other settings give other rows: raise kProtocolVersion with it.
  // (Worked out apart, with xxhash and json of Python.)
  EXPECT_EQ(trial::kProtocolVersion, 2);
  const Grid grid = make_grid(single_group());
  EXPECT_EQ(grid.trajectory_key(2), "63d2453ab5e67ca22e75325f00000002");
  EXPECT_EQ(trial::cell_key(grid.trajectory_key(2), trial::Epsilon{0.1}),
            "183e34409d93ee998e76783ef239a770");
  EXPECT_EQ(grid.trajectory(2, 1).task.seed, seed_of(grid.trajectory_key(2)));
  Config config = single_group();
  config.grid.models = {sampled_mlps()};
  config.train.independent_epsilon = true;
  const Grid sampled = make_grid(config);
  EXPECT_EQ(sampled.trajectory_key(0), "fa31317f7c4ad2b899a398f800000000");
  EXPECT_EQ(drawn_names(sampled), "mlp_2x512 mlp_3x256 mlp_2x128 mlp_2x256 ");
}

TEST(TrajectoryKey, DiffersByVariantAndOnlyWhereThereIsOne) {
  const auto key = [](const DatasetSpec& spec) {
    Config config = single_group();
    config.grid.datasets = {spec};
    return make_grid(config).trajectory_key(2);
  };
  const std::set<std::string> keys = {
      key({"mnist"}), key({.name = "mnist", .sample_variant = true}),
      key({"mnist", {.classes = 5}}), key({"mnist", {.label_noise = 0.2}}),
      key({"mnist", {.classes = 5, .invert = true}})};
  EXPECT_EQ(keys.size(), 5U);
  EXPECT_TRUE(keys.contains(make_grid(single_group()).trajectory_key(2)));
}

TEST(CellKey, DiffersByTrajectoryAndEpsilon) {
  EXPECT_NE(trial::cell_key("a", trial::Epsilon{0.1}),
            trial::cell_key("b", trial::Epsilon{0.1}));
  EXPECT_NE(trial::cell_key("a", trial::Epsilon{0.1}),
            trial::cell_key("a", trial::Epsilon{0.2}));
  EXPECT_NE(trial::cell_key("a", trial::Epsilon{0.3}),
            trial::cell_key("a", trial::Epsilon{0.1 + 0.2}));
  EXPECT_EQ(trial::cell_key("a", trial::Epsilon{1e-1}),
            trial::cell_key("a", trial::Epsilon{0.1}));
}

TEST(Find, IsTheInverseOfTheKey) {
  Config config = many_groups();
  for (const bool independent : {false, true}) {
    config.train.independent_epsilon = independent;
    const Grid grid = make_grid(config);
    for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
      EXPECT_EQ(grid.find(grid.trajectory_key(i)), i);
    }
  }
}

TEST(Find, HasNothingForTrialsThatTheGridDoesNotHave) {
  Config longer = single_group();
  longer.grid.trials = 4;
  EXPECT_EQ(make_grid(single_group()).find(make_grid(longer).trajectory_key(3)),
            std::nullopt);
}

TEST(Find, HasNothingForKeysOfOtherSettings) {
  Config other = single_group();
  other.seed = 43;
  EXPECT_EQ(make_grid(single_group()).find(make_grid(other).trajectory_key(0)),
            std::nullopt);
}

TEST(Find, HasNothingForWhatIsNoKey) {
  const Grid grid = make_grid(single_group());
  const std::string group = grid.trajectory_key(0).substr(0, 24);
  EXPECT_EQ(grid.find(group + "00000000"), 0);
  for (const std::string& key :
       {std::string(), group, group + "0", group + "000000000",
        group + "-0000001", group + "+0000001", group + " 0000001",
        group + "0000000g", group + "0x000001", std::string(32, '0')}) {
    EXPECT_EQ(grid.find(key), std::nullopt) << key;
  }
}

}  // namespace
}  // namespace cape::grid
