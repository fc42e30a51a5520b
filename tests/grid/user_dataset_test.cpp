// Data of the user's own in a configuration and in its grid.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "grid/config_yaml.h"
#include "grid/sample_grid.h"

namespace cape::grid {
namespace {

using datasets::Task;
using datasets::UserDataset;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kConfig = R"(name: own
grid:
  models: [{family: mlp, sample: published}]
  datasets: [DATA]
  learning_rate: [1e-3]
  batch_size: [32]
  epsilon: [0.1]
)";

std::string with_data(const std::string& data) {
  std::string text = kConfig;
  return text.replace(text.find("DATA"), 4, data);
}

DatasetSpec read(const std::string& data) {
  return parse_config(with_data(data), "c.yaml", {}).grid.datasets.at(0);
}

std::string problem(const std::string& data) {
  try {
    read(data);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(OwnDataYaml, ReadsEveryKey) {
  const DatasetSpec spec = read(
      "{name: mine, format: hdf5, x: 'a.h5:/x', y: 'a.h5:/y', task: "
      "multilabel, classes: 7, mean: [0.5, 0.5, -1], std: 2, n: 1000, variant: "
      "{noise: 0.5}}");
  EXPECT_EQ(spec.name, "mine");
  EXPECT_EQ(spec.variant.noise, 0.5);
  EXPECT_EQ(spec.user, (UserDataset{.format = "hdf5",
                                    .x = "a.h5:/x",
                                    .y = "a.h5:/y",
                                    .task = Task::multilabel,
                                    .classes = 7,
                                    .mean = {0.5, 0.5, -1},
                                    .deviation = {2},
                                    .train_size = 1000}));
}

TEST(OwnDataYaml, NeedsNoMoreThanNameAndFiles) {
  EXPECT_EQ(read("{name: mine, x: x.npy, y: y.npy}").user,
            (UserDataset{.x = "x.npy", .y = "y.npy"}));
  EXPECT_EQ(read("{name: mine, x: records.bin}").user,
            (UserDataset{.format = "cifar-bin", .x = "records.bin", .y = ""}));
  EXPECT_EQ(read("{name: mine, x: records.bin.gz}").user.value().format,
            "cifar-bin");
  EXPECT_EQ(read("{name: mine, x: x, y: y, layout: nhwc}").user.value().layout,
            "nhwc");
}

TEST(OwnDataYaml, ReadsBackEqual) {
  for (const char* data :
       {"{name: a, x: 'odd \"name\": é.npy', y: y.npy, task: regression, mean: "
        "[0.1, 0.1], std: [1e-7, 3]}",
        "{name: \"null\", x: x.bin, classes: 3, variant: sample}",
        "{name: a, x: x.npy, y: y.npy, variant: {scale: 0.5}}"}) {
    const Config config = parse_config(with_data(data), "c.yaml", {});
    EXPECT_EQ(parse_config(to_yaml(config), "again", {}).grid.datasets,
              config.grid.datasets)
        << to_yaml(config);
  }
}

TEST(OwnDataYaml, RefusesWhatDoesNotFit) {
  EXPECT_THAT(problem("{name: mine, y: y.npy}"), HasSubstr("give x"));
  EXPECT_THAT(problem("{name: mine, x: x.npy}"), HasSubstr("give y"));
  EXPECT_THAT(problem("{name: mine, x: a.bin, y: b}"), HasSubstr("remove y"));
  EXPECT_THAT(problem("{name: mine, x: x, y: y, layout: nhcw}"),
              HasSubstr("give one of nd, dn, ntd"));
  EXPECT_THAT(problem("{name: mine, x: x.bin, layout: nhwc}"),
              HasSubstr("remove layout"));
  EXPECT_THAT(problem("{name: mine, x: x.npy, y: y.npy, format: numpy}"),
              HasSubstr("grid.datasets[0].format"));
  EXPECT_THAT(problem("{name: mine, x: x.npy, y: y.npy, task: regresion}"),
              HasSubstr("did you mean 'regression'?"));
  EXPECT_THAT(
      problem("{name: mine, x: x.npy, y: y.npy, task: regression, classes: 2}"),
      HasSubstr("c.yaml:4:14: wrong value for grid.datasets[0] (found a map of "
                "keys); remove classes: a regression has none"));
  EXPECT_THAT(problem("{name: mine, x: x.npy, y: y.npy, std: [1, 0]}"),
              HasSubstr("grid.datasets[0].std[1] (found '0')"));
  EXPECT_THAT(problem("{name: mine, x: x.npy, y: y.npy, clases: 2}"),
              HasSubstr("did you mean 'classes'?"));
  EXPECT_THAT(problem("{name: mnist, x: x.npy, y: y.npy}"),
              HasSubstr("a known data set has this name"));
  EXPECT_THAT(problem("{x: x.npy, y: y.npy}"),
              HasSubstr("grid.datasets[0].name"));
}

TEST(OwnDataYaml, NamesHaveUpToAHundredCharacters) {
  const std::string name(100, 'a');
  EXPECT_EQ(read("{name: " + name + ", x: x.npy, y: y.npy}").name, name);
}

TEST(OwnDataYaml, PathsAreRelativeToTheFile) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "own_paths";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "c.yaml")
      << with_data("{name: a, x: sub/../x.h5:/x, format: hdf5, y: /abs/y:/y}");
  const UserDataset own =
      load_config(folder / "c.yaml", {}).grid.datasets[0].user.value();
  EXPECT_EQ(own.x, folder / "x.h5:/x");
  EXPECT_EQ(own.y, "/abs/y:/y");
  std::filesystem::remove_all(folder);
}

TEST(OwnDataYaml, PathsMayHaveVariables) {
  ::setenv("CAPE_TEST_DATA_ROOT", "/some/data", 1);
  Config config = parse_config(
      with_data("{name: a, x: '${CAPE_TEST_DATA_ROOT}/x.npy', y: ~/y.npy}"),
      "c.yaml", {});
  open_files(config, "/configs");
  const UserDataset own = config.grid.datasets[0].user.value();
  EXPECT_EQ(own.x, "/some/data/x.npy");
  EXPECT_EQ(own.y, std::string(std::getenv("HOME")) + "/y.npy");
  config = parse_config(with_data("{name: a, x: $CAPE_TEST_NONE/x, y: y}"),
                        "c.yaml", {});
  try {
    open_files(config, "/configs");
    FAIL() << "the variable is not set";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(),
                testing::AllOf(HasSubstr("c.yaml:4:24: "),
                               HasSubstr("variable CAPE_TEST_NONE")));
  }
}

/// A grid of this model on own data of this shape.
Grid own_grid(const ModelSpec& model, const std::vector<std::int64_t>& shape,
              Task task = Task::classification) {
  Config config = single_group();
  config.grid.models = {model};
  config.grid.datasets = {
      {.name = "mine", .user = UserDataset{.format = "npy", .x = "/x"}}};
  config.locations = {{"grid.models", "c.yaml:3:3"}};
  datasets::DatasetInfo info = sample_dataset("mine");
  info.shape = shape;
  info.task = task;
  return {config, {info}};
}

std::string error_message(const ModelSpec& model,
                          const std::vector<std::int64_t>& shape,
                          Task task = Task::classification) {
  try {
    own_grid(model, shape, task);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(OwnDataGrid, RefusesNetworksThatCannotTakeTheData) {
  const auto sampled = [](const char* family) {
    return ModelSpec{
        .family = family, .sample_published = true, .architectures = {}};
  };
  EXPECT_EQ(
      error_message({.family = "rnn", .architectures = {zoo::Gru{}}}, {10}),
      "c.yaml:3:3: gru_1x128 (rnn) takes no vectors [D], and the samples "
      "of mine are 10 (task classification); docs/datasets.md says which "
      "networks take what");
  EXPECT_THAT(error_message(sampled("mlp"), {10}), IsEmpty());
  EXPECT_THAT(error_message(sampled("mlp"), {5, 10}, Task::sequence),
              HasSubstr("every step"));
  EXPECT_THAT(error_message(sampled("rnn"), {5, 10}, Task::sequence),
              IsEmpty());
  EXPECT_THAT(error_message(sampled("cnn"), {5, 10}),
              HasSubstr("no sequences"));
  EXPECT_THAT(error_message(sampled("transformer"), {5, 10}),
              HasSubstr("cct_small"));
  EXPECT_THAT(
      error_message({.family = "transformer", .architectures = {zoo::Vit{}}},
                    {5, 10}),
      IsEmpty());
}

TEST(OwnDataGrid, TasksCarryAllThatIsNeededToOpenTheData) {
  const Grid grid = own_grid(sampled_mlps(), {10}, Task::regression);
  const trial::TrialTask task = grid.trajectory(0, 1).task;
  EXPECT_EQ(task.dataset.user, (UserDataset{.format = "npy", .x = "/x"}));
  EXPECT_EQ(zoo::parameter_count(task.architecture, {10}, 1),
            zoo::parameter_count(task.architecture, grid.datasets()[0].shape,
                                 trial::head_of(grid.datasets()[0])));
}

TEST(OwnDataGrid, KeysFollowTheContentNotThePath) {
  Config config = single_group();
  const auto key = [&](const char* x, const char* fingerprint) {
    config.grid.datasets = {
        {.name = "mine", .user = UserDataset{.format = "npy", .x = x}}};
    datasets::DatasetInfo info = sample_dataset("mine");
    info.fingerprint = fingerprint;
    return Grid(config, {info}).trajectory_key(0);
  };
  EXPECT_EQ(key("/a", "f"), key("/b", "f"));
  EXPECT_NE(key("/a", "f"), key("/a", "g"));
}

TEST(OwnDataGrid, RefusesTwoSetsOfOneName) {
  Config config = single_group();
  config.grid.datasets = {
      {.name = "mine", .user = UserDataset{.format = "npy", .x = "/x"}},
      {.name = "mine",
       .variant = {.noise = 1},
       .user = UserDataset{.format = "npy", .x = "/x"}}};
  EXPECT_NO_THROW(make_grid(config));
  config.grid.datasets[1].user->x = "/z";
  EXPECT_THROW(make_grid(config), UserError);
}

TEST(OwnDataGrid, ClassesCannotVaryWhereThereAreNone) {
  Config config = single_group();
  config.grid.datasets = {{.name = "mine",
                           .variant = {.label_noise = 0.5},
                           .user = UserDataset{.format = "npy", .x = "/x"}}};
  datasets::DatasetInfo info = sample_dataset("mine");
  info.task = Task::regression;
  info.classes = 0;
  EXPECT_THROW(Grid(config, {info}), UserError);
  config.grid.datasets[0].variant = {};
  config.grid.datasets[0].sample_variant = true;
  config.grid.trials = 50;
  const Grid grid(config, {info});
  for (std::int64_t i = 0; i < 50; ++i) {
    const auto variant = grid.trajectory(i, 1).task.dataset.variant;
    EXPECT_EQ(variant.classes, 0);
    EXPECT_EQ(variant.label_noise, 0);
  }
}

}  // namespace
}  // namespace cape::grid
