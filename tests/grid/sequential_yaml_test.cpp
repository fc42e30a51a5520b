// Lists of layers and values that are drawn: in configurations and in grids.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/files.h"
#include "grid/config_yaml.h"
#include "parse.h"
#include "sample_grid.h"

namespace cape::grid {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::HasSubstr;
using testing::Le;
using testing::StartsWith;

Config with_models(const std::string& models) {
  return parse(kMinimal, {"grid.models=" + models});
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// What is said of a configuration that is refused.
std::vector<std::string> refusal(const std::string& text) {
  try {
    parse_config(text, "c.yaml", {});
  } catch (const UserError& error) {
    return lines_of(error.what());
  }
  return {};
}

std::string refused_model(const std::string& model) {
  try {
    with_models("[" + model + "]");
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

std::string refused_grid(Config config) {
  try {
    make_grid(std::move(config));
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(LayersInYaml, AreANetworkOrSeveral) {
  const Config one = with_models(
      "[{family: sequential, name: net, layers: [flatten, {linear: 8}, "
      "relu]}]");
  ASSERT_EQ(one.grid.models.size(), 1U);
  ASSERT_EQ(one.grid.models[0].architectures.size(), 1U);
  EXPECT_EQ(zoo::short_name(one.grid.models[0].architectures[0]), "net");
  const Config two = with_models(
      "[{family: sequential, architectures: [{name: net, layers: [flatten, "
      "{linear: 8}, relu]}, {initialization: kaiming, layers: [flatten]}]}]");
  ASSERT_EQ(two.grid.models[0].architectures.size(), 2U);
  EXPECT_EQ(two.grid.models[0].architectures[0],
            one.grid.models[0].architectures[0]);
}

TEST(LayersInYaml, AreWrittenAsTheyAreRead) {
  const Config config = with_models(
      "[{family: sequential, layers: [{residual: [{conv: 4, padding: 1}, "
      "batch_norm], shortcut: [{conv: 4, kernel: 1}]}, {dropout: 0.25}, "
      "flatten]}, {family: sequential, sample: diverse}, {family: sequential, "
      "sample: diverse, style: cnn, dropout: [0.3, 0.5]}]");
  const Config again = parse(to_yaml(config));
  EXPECT_EQ(again.grid.models[0].architectures,
            config.grid.models[0].architectures);
  EXPECT_EQ(again.grid.models[1].diverse, zoo::Diverse());
  EXPECT_EQ(again.grid.models[2].diverse,
            (zoo::Diverse{zoo::Style::cnn, {0.3, 0.5}}));
}

TEST(LayersInYaml, AreRefusedWithTheLineOfTheLayer) {
  EXPECT_THAT(
      refusal(R"(name: x
grid:
  models:
    - family: sequential
      layers:
        - {conv: 6, kernal: 5}
        - flatten
    - family: sequential
      layers:
        - residual:
            - relu
            - tanhh
        - flatten
  datasets: [mnist]
  learning_rate: [1e-3]
  batch_size: [32]
  epsilon: [0.1]
)"),
      ElementsAre(
          "c.yaml:6:11: wrong value for grid.models[0].layers[0] (found "
          "a map of keys); conv: unknown key 'kernal'; did you mean "
          "'kernel'?",
          "c.yaml:12:15: wrong value for "
          "grid.models[1].layers[0].residual[1] (found 'tanhh'); "
          "unknown layer 'tanhh'; did you mean 'tanh'?"));
}

TEST(LayersInYaml, MustBeOneOfThreeForms) {
  EXPECT_THAT(refused_model("{family: sequential}"),
              HasSubstr("give layers: [...], architectures: [...] or sample: "
                        "diverse"));
  EXPECT_THAT(
      refused_model("{family: sequential, layers: [flatten], sample: diverse}"),
      HasSubstr("give layers: [...], architectures: [...] or sample"));
  EXPECT_THAT(refused_model("{family: sequential, sample: diverse, name: a}"),
              HasSubstr("grid.models[0].name"));
  EXPECT_THAT(refused_model("{family: sequential, sample: published}"),
              HasSubstr("give diverse"));
  EXPECT_THAT(refused_model("{family: sequential, sample: diverse, dropout: "
                            "[0.3, 0.3]}"),
              HasSubstr("it is in the list already"));
  EXPECT_THAT(
      refused_model("{family: sequential, layers: [flatten], dropout: [0.3]}"),
      HasSubstr("grid.models[0].dropout"));
  EXPECT_THAT(
      refused_model("{family: sequential, sample: diverse, dropout: [1]}"),
      HasSubstr("wrong value for grid.models[0].dropout[0] (found '1'); give a "
                "number from 0 to 0.9"));
  EXPECT_THAT(refused_model("{family: sequential, sample: diverse, style: cn}"),
              HasSubstr("did you mean 'cnn'?"));
  EXPECT_THAT(refused_model("{family: sequential, layers: flatten}"),
              HasSubstr("layers must be a list"));
  EXPECT_THAT(refused_model("{family: mlp, layers: [flatten]}"),
              HasSubstr("unknown key 'grid.models[0].layers'"));
  EXPECT_THAT(refused_model("{family: sequential, lyers: [flatten]}"),
              HasSubstr("did you mean 'layers'?"));
}

TEST(LayersInYaml, HaveNamesThatDiffer) {
  EXPECT_THAT(
      refused_model("{family: sequential, name: a, layers: [flatten]}, "
                    "{family: sequential, name: a, layers: [flatten, relu]}"),
      HasSubstr("grid.models[1].name (found 'a'); another network of "
                "grid.models has this name"));
  EXPECT_EQ(refusal("name: x\ngrid:\n  models: [{family: sequential, "
                    "architectures: [{layers: [flatten]}, {layers: [flaten]}]}]"
                    "\n  datasets: [mnist]\n  learning_rate: [1e-3]\n  "
                    "batch_size: [32]\n  epsilon: [0.1]\n")
                .size(),
            1U);
  EXPECT_THAT(refused_grid(with_models(
                  "[{family: sequential, name: a, layers: [flatten]}, {family: "
                  "sequential, name: b, layers: [flatten]}]")),
              HasSubstr("the same architecture is listed twice"));
}

TEST(LayersInAGrid, ThatDoNotFitTheDataAreRefusedWithPlaceAndShapes) {
  EXPECT_THAT(
      refused_grid(with_models(
          "[{family: sequential, name: deep, layers: [{max_pool: 9}, "
          "relu, {conv: 4, kernel: 5}, flatten]}]")),
      AllOf(HasSubstr("deep (sequential): layers[2] conv: kernel 5 does "
                      "not fit into 3 x 3"),
            HasSubstr("the samples of mnist are 1 x 28 x 28")));
}

TEST(LayersInAGrid, CostWhatTheyTake) {
  const auto flops = [](const std::string& layers) {
    return make_grid(with_models("[{family: sequential, layers: [flatten, " +
                                 layers + "]}]"))
        .expected_flops(0);
  };
  EXPECT_GT(flops("{linear: 128}"), 1.5 * flops("{linear: 64}"));
}

/// The blocks of YAML below a heading of docs/configuration.md that have
/// grid.models.
std::vector<std::string> documented_models(const std::string& heading) {
  const std::string page = read_file(kRoot / "docs" / "configuration.md");
  const std::size_t begin = page.find("\n## " + heading + "\n");
  const std::string section =
      page.substr(begin, page.find("\n## ", begin + 1) - begin);
  std::vector<std::string> blocks;
  const std::string opening = "```yaml\n";
  for (std::size_t at = section.find(opening); at != std::string::npos;
       at = section.find(opening, at)) {
    at += opening.size();
    blocks.push_back(section.substr(at, section.find("```", at) - at));
  }
  return blocks;
}

TEST(LayersInTheDocument, MakeNetworksForMnist) {
  const std::vector<std::string> blocks = documented_models("Lists of layers");
  EXPECT_EQ(blocks.size(), 5U);
  std::set<std::string> names;
  for (const std::string& block : blocks) {
    SCOPED_TRACE(block);
    const Config config = parse("name: x\n" + block +
                                "  datasets: [mnist]\n"
                                "  learning_rate: [1e-3]\n"
                                "  batch_size: [32]\n"
                                "  epsilon: [0.1]\n");
    const Grid grid = make_grid(config);
    names.insert(zoo::short_name(grid.trajectory(0, 1).task.architecture));
  }
  EXPECT_EQ(names.size(), blocks.size());
}

/// "conv" of "{conv: OUTPUTS}".
std::string name_in(std::string cell) {
  std::erase_if(cell, [](char c) { return c == '{' || c == '}' || c == ' '; });
  return cell.substr(0, cell.find(':'));
}

TEST(LayersInTheDocument, AreThoseOfTheProgram) {
  const std::string page = read_file(kRoot / "docs" / "configuration.md");
  const std::size_t table = page.find("| layer | takes |");
  std::vector<std::string> documented;
  for (const std::string& line :
       lines_of(page.substr(table, page.find("\n\n", table) - table))) {
    std::istringstream names(line.substr(2, line.find(" | ") - 2));
    for (std::string name; std::getline(names, name, ',');) {
      documented.push_back(name_in(name));
    }
  }
  std::vector<std::string> known = zoo::layers::layer_names();
  known.insert(known.end(), {"layer", "---"});  // the head of the table
  EXPECT_THAT(documented, testing::UnorderedElementsAreArray(known));
}

// --- Values that are drawn --------------------------------------------------

const std::string kDrawn = R"(name: x
grid:
  models: [{family: sequential, sample: diverse}]
  datasets: [mnist]
  optimizer:
    - adamw
    - {kind: sgd, learning_rate: {log_uniform: [0.01, 0.3]}}
  learning_rate: {log_uniform: [2.5e-4, 8e-3]}
  batch_size: {choice: [16, 24, 96]}
  epsilon: [0.1, 0.2]
  trials: 100
)";

TEST(DrawnValues, CountAsOnePointOfTheGrid) {
  const Grid grid = make_grid(parse(kDrawn));
  EXPECT_EQ(grid.groups(), 2);
  EXPECT_EQ(grid.trajectories(), 200);
  std::set<double> rates;
  std::set<std::int64_t> batches;
  std::set<std::string> networks;
  for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
    const trial::TrialTask task = grid.trajectory(i, 1).task;
    const bool sgd = trial::kind_of(task.optimizer) == "sgd";
    EXPECT_THAT(task.learning_rate,
                AllOf(Ge(sgd ? 0.01 : 2.5e-4), Le(sgd ? 0.3 : 8e-3)));
    rates.insert(task.learning_rate);
    batches.insert(task.batch_size);
    networks.insert(zoo::short_name(task.architecture));
    EXPECT_EQ(task.architecture, grid.trajectory(i, 1).task.architecture);
  }
  EXPECT_GE(rates.size(), 190U);
  EXPECT_THAT(batches, ElementsAre(16, 24, 96));
  EXPECT_GE(networks.size(), 190U);
}

TEST(DrawnValues, AreSpreadEvenlyInTheLogarithm) {
  Random random(3);
  const AxisPoint<double> point =
      points_of(Axis<double>(Draw::log_uniform, {1e-4, 1e-2})).front();
  int low = 0;
  for (int i = 0; i < 1000; ++i) low += value_at(point, random) < 1e-3 ? 1 : 0;
  EXPECT_NEAR(low, 500, 50);
  EXPECT_NEAR(point.value, 1e-3, 1e-6);
}

TEST(DrawnValues, AreTheSameOnEveryMachine) {
  Random random(3);
  const AxisPoint<double> rate =
      points_of(Axis<double>(Draw::log_uniform, {2.5e-4, 8e-3})).front();
  const AxisPoint<std::int64_t> batch =
      points_of(Axis<std::int64_t>(Draw::log_uniform, {8, 256})).front();
  std::vector<double> rates;
  std::vector<std::int64_t> batches;
  for (int i = 0; i < 3; ++i) {
    rates.push_back(value_at(rate, random));
    batches.push_back(value_at(batch, random));
  }
  EXPECT_THAT(rates, ElementsAre(0.001734, 0.001933, 0.00174));
  EXPECT_THAT(batches, ElementsAre(16, 27, 28));
}

TEST(DrawnValues, HaveKeysOfTheirOwn) {
  const auto key = [](const std::string& assignment) {
    return make_grid(parse(kDrawn, {assignment})).trajectory_key(0);
  };
  std::set<std::string> keys = {key("grid.trials=100")};
  for (const char* changed :
       {"grid.learning_rate={log_uniform: [2.5e-4, 9e-3]}",
        "grid.learning_rate={choice: [2.5e-4, 8e-3]}",
        "grid.learning_rate=[1e-3]", "grid.batch_size={choice: [16, 24]}",
        "grid.batch_size=[16]",
        "grid.models=[{family: sequential, sample: diverse, style: mlp}]",
        "grid.models=[{family: sequential, sample: diverse, dropout: [0.3, "
        "0.5]}]"}) {
    keys.insert(key(changed));
  }
  EXPECT_EQ(keys.size(), 8U);
  EXPECT_EQ(
      key("grid.models=[{family: sequential, sample: diverse, dropout: [0.5, "
          "0.3]}]"),
      key("grid.models=[{family: sequential, sample: diverse, dropout: [0.3, "
          "0.5]}]"));
}

// What rows were measured with.
TEST(DrawnValues, HaveTheKeysOfTheRowsThatThereAre) {
  const auto key = [](const std::string& assignment) {
    return make_grid(parse(kDrawn, {assignment})).trajectory_key(0);
  };
  EXPECT_EQ(key("grid.models=[{family: sequential, sample: diverse, style: "
                "cnn}]"),
            "01d2261202c6e551d4830d1500000000");
  EXPECT_EQ(key("grid.models=[{family: sequential, sample: diverse, dropout: "
                "[0.3, 0.4, 0.5]}]"),
            "2735c0e52def05794df392f200000000");
}

TEST(DrawnValues, AreWrittenAsTheyAreRead) {
  const Config config = parse(kDrawn);
  const Config again = parse(to_yaml(config));
  EXPECT_EQ(again.grid.learning_rate, config.grid.learning_rate);
  EXPECT_EQ(again.grid.batch_size, config.grid.batch_size);
  EXPECT_EQ(again.grid.optimizer, config.grid.optimizer);
}

TEST(DrawnValues, AreRefusedWhereTheyMakeNoSense) {
  const auto refused = [](const std::string& assignment) -> std::string {
    try {
      make_grid(parse(kDrawn, {assignment}));
    } catch (const UserError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(refused("grid.learning_rate={log_uniform: [1e-2, 1e-3]}"),
              HasSubstr("the lower one first"));
  EXPECT_THAT(refused("grid.learning_rate={log_uniform: [1e-2]}"),
              HasSubstr("give two numbers, [low, high]"));
  EXPECT_THAT(refused("grid.learning_rate={log_uniform: [0, 1e-2]}"),
              HasSubstr("give a number above 0"));
  EXPECT_THAT(refused("grid.learning_rate={uniform: [1, 2]}"),
              HasSubstr("unknown key 'grid.learning_rate.uniform'"));
  EXPECT_THAT(refused("grid.batch_size={choice: [16], log_uniform: [1, 2]}"),
              HasSubstr("give one of choice and log_uniform"));
  EXPECT_THAT(refused("grid.batch_size={}"),
              HasSubstr("give one of choice and log_uniform"));
  EXPECT_THAT(refused("grid.batch_size={choice: [16, 70000]}"),
              HasSubstr("batch size 70000 is larger than data set mnist"));
}

std::string refused_grid_of(const Config& config,
                            const datasets::DatasetInfo& dataset) {
  try {
    const Grid grid(config, {dataset});
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(DrawnNetworks, AreForTokensToo) {
  Config config = parse(kDrawn);
  datasets::DatasetInfo texts = sample_dataset("mnist");
  texts.shape = {12};
  texts.vocabulary = 100;
  const Grid grid(config, {texts});
  const Trajectory drawn = grid.trajectory(0, grid.all_criteria());
  EXPECT_GT(
      zoo::embedding_width(drawn.task.architecture, trial::sample_of(texts)),
      0);
  texts.task = datasets::Task::sequence;
  config = parse(kDrawn, {"grid.models=[{family: sequential, sample: diverse, "
                          "style: mlp}]"});
  EXPECT_THAT(refused_grid_of(config, texts),
              HasSubstr("no networks of style mlp are drawn for the samples of "
                        "mnist, which are 12 (task sequence)"));
}

TEST(DrawnNetworks, AreOfStylesThatTheDataAllow) {
  Config config = parse(
      kDrawn,
      {"grid.models=[{family: sequential, sample: diverse, style: cnn}]"});
  std::vector<datasets::DatasetInfo> infos = {sample_dataset("mnist")};
  infos.front().shape = {12};
  EXPECT_THAT(refused_grid_of(config, infos.front()),
              HasSubstr("no networks of style cnn are drawn for the samples of "
                        "mnist, which are 12"));
}

}  // namespace
}  // namespace cape::grid
