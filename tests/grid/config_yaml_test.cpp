#include "grid/config_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "parse.h"
#include "zoo/architecture.h"

namespace cape::grid {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// The lines of the error that `text` gives; none when it is accepted.
std::vector<std::string> problems(
    const std::string& text, const std::vector<std::string>& overrides = {}) {
  std::vector<std::string> lines;
  try {
    parse(text, overrides);
  } catch (const UserError& error) {
    std::istringstream stream(error.what());
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
  }
  return lines;
}

/// The same for the minimal configuration with overrides.
std::vector<std::string> override_problems(
    const std::vector<std::string>& overrides) {
  return problems(kMinimal, overrides);
}

/// The only problem that `KEY: VALUE` gives instead of the minimal one's.
std::string problem_with(const std::string& assignment) {
  const std::vector<std::string> lines = override_problems({assignment});
  const std::string prefix = "command line: " + assignment + ": ";
  if (lines.size() != 1) return fmt::format("{} problems", lines.size());
  EXPECT_THAT(lines[0], StartsWith(prefix));
  return lines[0].substr(std::min(prefix.size(), lines[0].size()));
}

// --- What is read -----------------------------------------------------------

TEST(ConfigYaml, ReadsEveryKey) {
  const Config config = parse(R"(
name: everything-1.0
seed: 18446744073709551615
data_dir: "/data/sets"
grid:
  models:
    - {family: mlp, architectures: [{layers: 3, width: 256, dropout: 0.1,
                                     activation: relu, batch_norm: false}]}
    - {family: transformer, architectures: [vit_tiny, {kind: vit_tiny, depth: 4}]}
    - {family: mlp, sample: published}
  datasets: [mnist, {name: fashion_mnist}]
  learning_rate: [5e-4, 1e-3, .002]
  batch_size: [32, 64]
  epsilon: [0.1, 0.15]
  trials: 7
train: {target: batch_steps, max_steps: 100, plateau_window: 20,
        plateau_tolerance: 0, weight_decay: 0.5, record_at_least: 60,
        independent_epsilon: true}
workers: {device: cuda, per_rank: 3, per_gpu: 2, threads: 4, retries: 0,
          trial_timeout: 2h30m, gflops: 12.5, peer_timeout: 10m}
output: {flush_seconds: 1m, retry_seconds: 2m, rows_per_shard: 10, curves: false}
)");

  EXPECT_EQ(config.name, "everything-1.0");
  EXPECT_EQ(config.seed, 18446744073709551615U);
  EXPECT_EQ(config.data_dir, "/data/sets");
  ASSERT_EQ(config.grid.models.size(), 3U);
  EXPECT_THAT(config.grid.models[0].architectures,
              ElementsAre(zoo::Mlp{.layers = 3,
                                   .width = 256,
                                   .batch_norm = false,
                                   .activation = zoo::Activation::relu,
                                   .dropout = 0.1}));
  EXPECT_EQ(config.grid.models[1].family, "transformer");
  EXPECT_THAT(config.grid.models[1].architectures,
              ElementsAre(zoo::Vit{}, zoo::Vit{.depth = 4}));
  EXPECT_TRUE(config.grid.models[2].sample_published);
  EXPECT_THAT(config.grid.models[2].architectures, IsEmpty());
  EXPECT_THAT(config.grid.datasets,
              ElementsAre(DatasetSpec{"mnist"}, DatasetSpec{"fashion_mnist"}));
  EXPECT_THAT(config.grid.learning_rate.values, ElementsAre(5e-4, 1e-3, 2e-3));
  EXPECT_THAT(config.grid.batch_size.values, ElementsAre(32, 64));
  EXPECT_THAT(config.grid.epsilon, ElementsAre(0.1, 0.15));
  EXPECT_EQ(config.grid.trials, 7);
  EXPECT_EQ(config.train.target, "batch_steps");
  EXPECT_EQ(config.train.batch_steps,
            (trial::BatchSteps{.max_steps = 100,
                               .plateau_window = 20,
                               .plateau_tolerance = 0,
                               .record_at_least = 60}));
  EXPECT_EQ(config.train.weight_decay, 0.5);
  EXPECT_TRUE(config.train.independent_epsilon);
  EXPECT_EQ(config.workers.device, DeviceChoice::cuda);
  EXPECT_EQ(config.workers.per_rank, 3);
  EXPECT_EQ(config.workers.per_gpu, 2);
  EXPECT_EQ(config.workers.threads, 4);
  EXPECT_EQ(config.workers.retries, 0);
  EXPECT_EQ(config.workers.trial_timeout, 9000);
  EXPECT_EQ(config.workers.gflops, 12.5);
  EXPECT_EQ(config.workers.peer_timeout, 600);
  EXPECT_EQ(config.output.flush_seconds, 60);
  EXPECT_EQ(config.output.retry_seconds, 120);
  EXPECT_EQ(config.output.rows_per_shard, 10);
  EXPECT_FALSE(config.output.curves);
}

TEST(ConfigYaml, AValueAloneIsAListOfOne) {
  const Config config = parse(
      kMinimal, {"grid.epsilon=0.2", "grid.datasets={name: mnist}",
                 "grid.models={family: transformer, architectures: vit_tiny}"});
  EXPECT_THAT(config.grid.epsilon, ElementsAre(0.2));
  EXPECT_THAT(config.grid.datasets, ElementsAre(DatasetSpec{"mnist"}));
  EXPECT_THAT(config.grid.models.at(0).architectures, ElementsAre(zoo::Vit{}));
}

TEST(ConfigYaml, AListInAnArchitectureStandsForEveryCombination) {
  const Config config = parse(kMinimal, {"grid.models=[{family: mlp, "
                                         "architectures: [{layers: [2, 3], "
                                         "width: [128, 512]}]}]"});
  EXPECT_THAT(config.grid.models.at(0).architectures,
              ElementsAre(zoo::Mlp{.layers = 2, .width = 128},
                          zoo::Mlp{.layers = 2, .width = 512},
                          zoo::Mlp{.layers = 3, .width = 128},
                          zoo::Mlp{.layers = 3, .width = 512}));
}

TEST(ConfigYaml, ADataSetMayHaveAVariant) {
  const Config config =
      parse(kMinimal, {"grid.datasets=[{name: mnist, variant: sample}, "
                       "{name: mnist, variant: {classes: 5, label_noise: 0.2, "
                       "scale: 0.5, noise: 0.1, invert: true, lowres: 2}}]"});
  EXPECT_THAT(config.grid.datasets,
              ElementsAre(DatasetSpec{.name = "mnist", .sample_variant = true},
                          DatasetSpec{"mnist",
                                      {.classes = 5,
                                       .label_noise = 0.2,
                                       .lowres = 2,
                                       .invert = true,
                                       .scale = 0.5,
                                       .noise = 0.1}}));
}

TEST(ConfigYaml, RefusesAVariantThatIsNone) {
  const auto problem = [](const std::string& variant) {
    return problem_with("grid.datasets=[{name: mnist, variant: " + variant +
                        "}]");
  };
  EXPECT_THAT(problem("{classes: 1}"),
              StartsWith("wrong value for grid.datasets[0].variant.classes"));
  EXPECT_THAT(
      problem("{lable_noise: 0.1}"),
      AllOf(HasSubstr("lable_noise"), HasSubstr("did you mean 'label_noise'")));
  EXPECT_THAT(problem("samples"), HasSubstr("did you mean 'sample'"));
}

TEST(ConfigYaml, AnAliasStandsForItsAnchor) {
  const Config config = parse(R"(name: &word mnist
grid:
  models: [{family: mlp, sample: published}]
  datasets: [*word]
  learning_rate: [1e-3]
  batch_size: [32]
  epsilon: [0.1]
)");
  EXPECT_THAT(config.grid.datasets, ElementsAre(DatasetSpec{"mnist"}));
}

TEST(ConfigYaml, AMapTakesOverTheKeysOfMapsThatItMerges) {
  const std::string text = R"(name: small
grid:
  models: [{family: mlp, sample: published}]
  datasets:
    - &base {name: a, x: a.npy, y: a_labels.npy, classes: 4, mean: 1}
    - &other {name: b, x: b.npy, y: b_labels.npy, n: 90, classes: 9}
    - {<<: *base, name: c}
    - {name: d, x: d.npy, <<: [*base, *other]}
  learning_rate: [1e-3]
  batch_size: [32]
  epsilon: [0.1]
)";
  const auto datasets = parse(text).grid.datasets;
  const auto& merged = datasets.at(2);
  EXPECT_EQ(merged.name, "c");
  EXPECT_EQ(merged.user, datasets[0].user);
  EXPECT_EQ(datasets.at(3).user, (datasets::UserDataset{.x = "d.npy",
                                                        .y = "a_labels.npy",
                                                        .classes = 4,
                                                        .mean = {1},
                                                        .train_size = 90}));
}

TEST(ConfigYaml, SaysWhatIsWrongWithAMerge) {
  const auto problem = [](const std::string& dataset) {
    std::string text = kMinimal;
    text.replace(text.find("[mnist]"), 7,
                 "[&a {name: a, x: x, y: y}, " + dataset + "]");
    try {
      parse(text);
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(problem("{<<: *a, name: b, x: z}"), "accepted");
  EXPECT_EQ(problem("{<<: *a, name: b, clases: 3}"),
            "c.yaml:4:58: unknown key 'grid.datasets[1].clases'; did you mean "
            "'classes'?");
  EXPECT_THAT(problem("{<<: a, name: b, x: x, y: y}"),
              HasSubstr("c.yaml:4:41: << merges maps of keys (found 'a')"));
  EXPECT_THAT(problem("{<<: *a, name: b, name: c}"),
              HasSubstr("duplicate key 'name'"));
  // Quoted, it is a key like any other.
  EXPECT_THAT(problem("{'<<': *a, name: b, x: x, y: y}"),
              HasSubstr("unknown key 'grid.datasets[1].<<'"));
}

TEST(ConfigYaml, RefusesAliasesThatStandForTooMuch) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int n = 0; n < 10; ++n) bomb += fmt::format("*a{}, ", i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(problems(bomb),
              ElementsAre(AllOf(StartsWith("c.yaml:5:"),
                                HasSubstr("more than 100000 values"))));
  std::string nested;
  for (int i = 0; i < 400; ++i) nested += fmt::format("[&a{} ", i);
  for (int i = 0; i < 1000; ++i) nested += "x, ";
  EXPECT_THAT(problems(nested + std::string(400, ']')),
              ElementsAre(HasSubstr("more than 100000 values")));
}

TEST(ConfigYaml, KnowsWhereEachKeyAndElementStands) {
  const Config config = parse(kMinimal, {"grid.trials=2"});
  EXPECT_EQ(config.where("name"), "c.yaml:1:1");
  EXPECT_EQ(config.where("grid"), "c.yaml:2:1");
  EXPECT_EQ(config.where("grid.models[0].family"), "c.yaml:3:13");
  EXPECT_EQ(config.where("grid.batch_size[0]"), "c.yaml:6:16");
  EXPECT_EQ(config.where("grid.batch_size[7]"), "c.yaml:6:3");
  EXPECT_EQ(config.where("grid.trials"), "command line: grid.trials=2");
}

// --- What is refused --------------------------------------------------------

TEST(ConfigYaml, ReportsEveryProblemAtOnceInTheOrderOfTheFile) {
  const auto lines = problems(R"(nmae: x
seed: abc
grid:
  models: [{family: mlp, sample: published}]
  datasets: [fashion_mnits]
  learning_rate: [1e-3, -1]
  batch_size: []
  epsilon: [0.1, 1.5]
  epsilon: [0.2]
workers: {per_rnak: 2}
)");
  EXPECT_THAT(
      lines,
      ElementsAre(
          "c.yaml:1:1: unknown key 'nmae'; did you mean 'name'?",
          "c.yaml:1:1: missing key 'name'; add it",
          "c.yaml:2:1: wrong value for seed (found 'abc'); give a whole number "
          "from 0 to 2^64 - 1",
          AllOf(StartsWith("c.yaml:5:14: wrong value for grid.datasets[0] "
                           "(found 'fashion_mnits'); give one of "),
                HasSubstr("; did you mean 'fashion_mnist'?")),
          "c.yaml:6:25: wrong value for grid.learning_rate[1] (found '-1'); "
          "give a number above 0",
          "c.yaml:7:3: wrong value for grid.batch_size (found an empty list); "
          "give at least one",
          "c.yaml:8:18: wrong value for grid.epsilon[1] (found '1.5'); give a "
          "number above 0 and below 1",
          "c.yaml:9:3: duplicate key 'epsilon' (first at c.yaml:8:3); remove "
          "one",
          "c.yaml:10:11: unknown key 'workers.per_rnak'; did you mean "
          "'per_rank'?"));
}

TEST(ConfigYaml, NamesEveryMissingKey) {
  EXPECT_THAT(
      problems("seed: 1\ngrid: {trials: 3}\n"),
      ElementsAre("c.yaml:1:1: missing key 'name'; add it",
                  HasSubstr("c.yaml:2:1: missing key 'grid.models'"),
                  HasSubstr("'grid.datasets'"),
                  HasSubstr("'grid.learning_rate'"),
                  HasSubstr("'grid.batch_size'"), HasSubstr("'grid.epsilon'")));
}

TEST(ConfigYaml, RefusesNumbersOutOfRangeAndOtherTypes) {
  const std::vector<std::string> refused = {
      "seed=-1",
      "seed=18446744073709551616",
      "seed=1.5",
      "seed=[1]",
      "seed=",
      "grid.learning_rate=[0]",
      "grid.learning_rate=[.nan]",
      "grid.learning_rate=[nan]",
      "grid.learning_rate=[.inf]",
      "grid.learning_rate=[inf]",
      "grid.learning_rate=[1e999]",
      "grid.learning_rate=[1_000]",
      "grid.learning_rate=[[1e-3]]",
      "grid.learning_rate=",
      "grid.batch_size=[0]",
      "grid.batch_size=[32.0]",
      "grid.batch_size=[9223372036854775808]",
      "grid.batch_size=[thirty]",
      "grid.epsilon=[0]",
      "grid.epsilon=[1]",
      "grid.epsilon=[0.1x]",
      "grid.epsilon={a: 1}",
      "grid.trials=0",
      "grid.trials=1000000001",
      "train.target=epochs",
      "train.max_steps=1",
      "train.plateau_window=1",
      "train.plateau_tolerance=-1e-9",
      "train.weight_decay=-1",
      "train.independent_epsilon=1",
      "train=3",
      "workers.device=gpu",
      "workers.per_rank=0",
      "workers.per_gpu=0",
      "workers.threads=0",
      "workers.retries=-1",
      "workers.trial_timeout=0",
      "workers.trial_timeout=soon",
      "workers.trial_timeout=inf",
      "workers.gflops=0",
      "workers.peer_timeout=0",
      "output.flush_seconds=-1",
      "output.retry_seconds=-1",
      "output.rows_per_shard=0",
      "output.curves=perhaps",
  };
  for (const std::string& assignment : refused) {
    EXPECT_THAT(problem_with(assignment),
                AllOf(StartsWith("wrong value for "), HasSubstr("; give ")))
        << assignment;
  }
}

TEST(ConfigYaml, RefusesAnythingTwiceOnAnAxis) {
  EXPECT_THAT(problem_with("grid.epsilon=[0.1, 0.2, 0.10]"),
              StartsWith("wrong value for grid.epsilon[2] (found '0.10'); it "
                         "is in the list already"));
  EXPECT_THAT(problem_with("grid.datasets=[mnist, {name: mnist}]"),
              StartsWith("wrong value for grid.datasets[1]"));
  EXPECT_THAT(problem_with("grid.models=[{family: mlp, sample: published}, "
                           "{family: mlp, sample: published}]"),
              HasSubstr("it is in grid.models already"));
  EXPECT_THAT(problem_with("grid.models=[{family: transformer, architectures: "
                           "[vit_tiny]}, {family: transformer, architectures: "
                           "[{depth: 6}]}]"),
              StartsWith("wrong value for grid.models[1].architectures[0]"));
}

TEST(ConfigYaml, ANameMustServeInFileNames) {
  EXPECT_EQ(parse(kMinimal, {"name=Vi-T_1.5"}).name, "Vi-T_1.5");
  for (const char* name : {"a/b", "..", ".hidden", "-x", "a b", "\"\"", "é"}) {
    EXPECT_THAT(problem_with(std::string("name=") + name),
                HasSubstr("; give a name of letters"))
        << name;
  }
  EXPECT_THAT(problem_with("name=" + std::string(101, 'x')),
              HasSubstr("at most 100 characters"));
}

TEST(ConfigYaml, ExplainsWhatIsWrongWithAModel) {
  const auto problem = [](const std::string& model) {
    return problem_with("grid.models=[" + model + "]");
  };
  EXPECT_THAT(problem("mlp"),
              StartsWith("wrong value for grid.models[0] (found 'mlp'); give a "
                         "map: {family: mlp, sample: published}"));
  EXPECT_THAT(problem("{family: mpl, sample: published}"),
              HasSubstr("did you mean 'mlp'?"));
  EXPECT_THAT(problem("{sample: published}"),
              StartsWith("wrong value for grid.models[0].family (found "
                         "nothing); give one of mlp"));
  EXPECT_THAT(problem("{family: mlp, sample: published, sampel: 1}"),
              StartsWith("unknown key 'grid.models[0].sampel'; did you mean "
                         "'sample'?"));
  EXPECT_THAT(problem("{family: mlp, sample: publishd}"),
              HasSubstr("did you mean 'published'?"));
  EXPECT_THAT(problem("{family: mlp}"),
              HasSubstr("give either sample: published or architectures"));
  EXPECT_THAT(problem("{family: mlp, sample: published, architectures: [mlp]}"),
              HasSubstr("give either sample: published or architectures"));
  EXPECT_THAT(problem("{family: mlp, architectures: []}"),
              HasSubstr("give at least one"));
}

TEST(ConfigYaml, ExplainsWhatIsWrongWithAnArchitecture) {
  const auto problem = [](const std::string& architecture) {
    return problem_with("grid.models=[{family: transformer, architectures: [" +
                        architecture + "]}]");
  };
  EXPECT_THAT(problem("vit_tyni"), HasSubstr("did you mean 'vit_tiny'?"));
  EXPECT_THAT(problem("{kind: vit_tyni}"), HasSubstr("did you mean"));
  EXPECT_THAT(problem("{kind: vit_tiny, dpeth: 4}"),
              StartsWith("unknown key 'grid.models[0].architectures[0].dpeth'; "
                         "did you mean 'depth'?"));
  EXPECT_THAT(problem("{kind: vit_tiny, depth: four}"),
              HasSubstr("(found \"four\")"));
  EXPECT_THAT(problem("{kind: vit_tiny, depth: [4, 0]}"),
              HasSubstr("depth must be"));
  EXPECT_THAT(problem("{kind: vit_tiny, depth: {a: 1}}"),
              HasSubstr("depth must be"));
  EXPECT_THAT(problem("{kind: vit_tiny, depth: []}"),
              HasSubstr("give at least one"));
  EXPECT_THAT(problem("{kind: vit_tiny, depth: [0], width: [192, 96]}"),
              HasSubstr("depth must be"));
}

TEST(ConfigYaml, ReportsEveryProblemOfAModel) {
  EXPECT_THAT(
      override_problems(
          {"grid.models=[{family: transformer, smaple: 1, "
           "architectures: [{kind: vit_tiny, dpeth: 4, width: 0}, vit]}, "
           "{family: gan, sample: published}]"}),
      ElementsAre(HasSubstr("'grid.models[0].smaple'"),
                  HasSubstr("'grid.models[0].architectures[0].dpeth'"),
                  HasSubstr("width must be"),
                  HasSubstr("grid.models[0].architectures[1] (found 'vit')"),
                  HasSubstr("grid.models[1].family (found 'gan')")));
}

TEST(ConfigYaml, SaysWhichSectionAKeyBelongsTo) {
  EXPECT_THAT(problem_with("trials=3"),
              AllOf(HasSubstr("unknown key 'trials'"),
                    HasSubstr("did you mean 'grid.trials'?")));
  EXPECT_THAT(problem_with("trails=3"),
              HasSubstr("did you mean 'grid.trials'?"));
}

TEST(ConfigYaml, ListsTheKeysWhereNoneIsNear) {
  EXPECT_THAT(problem_with("output.compression=9"),
              HasSubstr("the keys here are flush_seconds, retry_seconds, "
                        "rows_per_shard, curves"));
}

TEST(ConfigYaml, RefusesWhatIsNotYamlWithItsPosition) {
  EXPECT_THAT(problems("name: x\ngrid: [1, 2\n"),
              ElementsAre(HasSubstr("c.yaml:3:1: not valid YAML (")));
  EXPECT_THAT(problems("name: x\n\tseed: 3\n"),
              ElementsAre(StartsWith("c.yaml:2:1: not valid YAML (")));
  EXPECT_THAT(problems("name: *nobody\n"),
              ElementsAre(StartsWith("c.yaml:1:")));
  EXPECT_THAT(problems("grid: &g [*g]\n"),
              ElementsAre(AllOf(StartsWith("c.yaml:1:11"),
                                HasSubstr("alias inside of its own anchor"))));
  EXPECT_THAT(problems("[1, 2]: 3\n"),
              ElementsAre(HasSubstr("a key must be a word")));
  EXPECT_THAT(problems(kMinimal + "---\nname: second\n"),
              ElementsAre(HasSubstr("a second document begins here")));
  EXPECT_THAT(problems(std::string(100000, '[')),
              ElementsAre(HasSubstr("not valid YAML")));
}

TEST(ConfigYaml, RefusesADocumentThatIsNotAMap) {
  for (const char* text : {"", "# only a comment\n", "~\n"}) {
    EXPECT_THAT(problems(text), ElementsAre(StartsWith("c.yaml:1:1: not a "
                                                       "configuration")));
  }
  EXPECT_THAT(problems("[1, 2]\n").at(0),
              StartsWith("c.yaml:1:1: wrong value for the configuration "
                         "(found a list); give a map"));
}

TEST(ConfigYaml, CutsLongValuesInMessages) {
  const auto lines = problems(kMinimal + "seed: " + std::string(500, '7'));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_LT(lines[0].size(), 200U);
}

// --- Overrides --------------------------------------------------------------

TEST(ConfigYaml, OverridesReplaceWhatTheFileSaysTheLastOneWins) {
  const Config config = parse(
      kMinimal, {"grid.batch_size=[64, 128]", "workers.per_rank=1", "seed=1",
                 "seed=2", "output={curves: false}", "data_dir=/a=b"});
  EXPECT_THAT(config.grid.batch_size.values, ElementsAre(64, 128));
  EXPECT_EQ(config.workers.per_rank, 1);
  EXPECT_EQ(config.seed, 2U);
  EXPECT_FALSE(config.output.curves);
  EXPECT_EQ(config.data_dir, "/a=b");
}

TEST(ConfigYaml, AnOverrideMayMendTheFile) {
  EXPECT_EQ(problems(kMinimal + "seed: x\n").size(), 1U);
  EXPECT_EQ(parse(kMinimal + "seed: x\n", {"seed=3"}).seed, 3U);
}

TEST(ConfigYaml, OverridesAreCheckedLikeTheFile) {
  EXPECT_THAT(
      override_problems({"grid.trails=2", "seed", "=3", "name=[", "seed.low=1",
                         "workers={threads: 1, threads: 2}"}),
      ::testing::UnorderedElementsAre(
          "command line: grid.trails=2: unknown key 'grid.trails'; did you "
          "mean 'trials'?",
          "command line: seed: not of the form key.path=value",
          "command line: =3: not of the form key.path=value",
          StartsWith("command line: name=[: value:1:1: not valid YAML"),
          StartsWith("command line: seed.low=1: wrong value for seed (found a "
                     "map of keys)"),
          HasSubstr("duplicate key 'threads'")));
}

TEST(ConfigYaml, AnOverrideOfEndlessDepthIsRefused) {
  std::string key = "a";
  for (int i = 0; i < 100'000; ++i) key += ".a";
  EXPECT_THAT(override_problems({key + "=1"}),
              ElementsAre(HasSubstr("no key has so many parts")));
}

// --- Files ------------------------------------------------------------------

TEST(ConfigYaml, RefusesFilesThatAreNotThere) {
  const auto refused = [](const std::filesystem::path& path) {
    try {
      load_config(path, {});
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(
      refused(kRoot / "configs" / "nothing.yaml"),
      AllOf(HasSubstr("nothing.yaml"), HasSubstr("No such file or directory")));
  EXPECT_THAT(refused(kRoot / "configs"), HasSubstr("found a directory"));
}

}  // namespace
}  // namespace cape::grid
