#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "grid/config_yaml.h"
#include "parse.h"
#include "zoo/architecture.h"
#include "zoo/catalog.h"

namespace cape::grid {
namespace {

void expect_equal(const Config& a, const Config& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.seed, b.seed);
  EXPECT_EQ(a.data_dir, b.data_dir);
  ASSERT_EQ(a.grid.models.size(), b.grid.models.size());
  for (std::size_t i = 0; i < a.grid.models.size(); ++i) {
    const ModelSpec& x = a.grid.models[i];
    const ModelSpec& y = b.grid.models[i];
    EXPECT_EQ(x.family, y.family);
    EXPECT_EQ(x.sample_published, y.sample_published);
    EXPECT_EQ(x.diverse, y.diverse);
    EXPECT_EQ(x.architectures, y.architectures);
  }
  EXPECT_EQ(a.grid.datasets, b.grid.datasets);
  EXPECT_EQ(a.grid.learning_rate, b.grid.learning_rate);
  EXPECT_EQ(a.grid.batch_size, b.grid.batch_size);
  EXPECT_EQ(a.grid.epsilon, b.grid.epsilon);
  EXPECT_EQ(a.grid.trials, b.grid.trials);
  EXPECT_EQ(a.train.target, b.train.target);
  EXPECT_EQ(a.train.batch_steps, b.train.batch_steps);
  EXPECT_EQ(a.train.weight_decay, b.train.weight_decay);
  EXPECT_EQ(a.grid.optimizer, b.grid.optimizer);
  EXPECT_EQ(a.train.independent_epsilon, b.train.independent_epsilon);
  EXPECT_EQ(a.workers.device, b.workers.device);
  EXPECT_EQ(a.workers.per_rank, b.workers.per_rank);
  EXPECT_EQ(a.workers.per_gpu, b.workers.per_gpu);
  EXPECT_EQ(a.workers.threads, b.workers.threads);
  EXPECT_EQ(a.workers.retries, b.workers.retries);
  EXPECT_EQ(a.workers.trial_timeout, b.workers.trial_timeout);
  EXPECT_EQ(a.workers.gflops, b.workers.gflops);
  EXPECT_EQ(a.workers.peer_timeout, b.workers.peer_timeout);
  EXPECT_EQ(a.output.flush_seconds, b.output.flush_seconds);
  EXPECT_EQ(a.output.retry_seconds, b.output.retry_seconds);
  EXPECT_EQ(a.output.rows_per_shard, b.output.rows_per_shard);
  EXPECT_EQ(a.output.curves, b.output.curves);
}

ModelSpec sampled(const std::string& family) {
  ModelSpec model;
  model.family = family;
  model.sample_published = true;
  return model;
}

ModelSpec listed(const std::string& family,
                 const std::vector<zoo::Architecture>& architectures) {
  ModelSpec model;
  model.family = family;
  model.architectures = architectures;
  return model;
}

std::vector<std::filesystem::path> shipped_configs() {
  std::vector<std::filesystem::path> paths;
  for (const char* folder : {"configs", "configs/metadataset"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator(kRoot / folder)) {
      if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
    }
  }
  return paths;
}

TEST(ConfigRoundTrip, KeysLeftOutHaveTheirDefaults) {
  Config expected;
  expected.name = "small";
  expected.grid.models = {sampled("mlp")};
  expected.grid.datasets = {{.name = "mnist"}};
  expected.grid.learning_rate = {1e-3};
  expected.grid.batch_size = {32};
  expected.grid.epsilon = {0.1};
  expect_equal(parse(kMinimal), expected);
  expect_equal(parse(kMinimal + "train:\nworkers: {}\n"), expected);
}

TEST(ConfigRoundTrip, AutoIsTheDefault) {
  expect_equal(parse(kMinimal + "workers: {device: auto, per_rank: auto, "
                                "trial_timeout: auto, gflops: auto}"),
               parse(kMinimal));
}

TEST(ConfigRoundTrip, ShippedConfigurationsLoadAndAreNamedAfterTheirFiles) {
  EXPECT_GE(shipped_configs().size(), 12U);
  for (const auto& path : shipped_configs()) {
    SCOPED_TRACE(path);
    EXPECT_EQ(load_config(path, {}).name, path.stem());
  }
}

TEST(ConfigRoundTrip, WhatIsWrittenReadsBackEqual) {
  for (const auto& path : shipped_configs()) {
    SCOPED_TRACE(path);
    const Config config = load_config(path, {});
    expect_equal(parse(to_yaml(config)), config);
  }
}

TEST(ConfigRoundTrip, OddValuesReadBackEqual) {
  Config config = parse(kMinimal);
  config.name = "null";
  config.seed = std::numeric_limits<std::uint64_t>::max();
  config.data_dir = "/tmp/a \"quoted\"\\ # dir: \n\t\x01 é";
  config.grid.models = {
      sampled("mlp"),
      listed("mlp", {zoo::Mlp{.activation = zoo::Activation::relu,
                              .dropout = 0.1 + 0.2},
                     zoo::Mlp{.batch_norm = false}}),
      listed("transformer", {zoo::Vit{.heads = 4}})};
  config.grid.datasets = {
      {"mnist"},
      {.name = "mnist", .sample_variant = true},
      {"fashion_mnist",
       {.classes = 3, .label_noise = 1e-7, .lowres = 4, .invert = true}},
      {"fashion_mnist", {.scale = 0.1 + 0.2, .noise = 1.0 / 3}}};
  config.grid.learning_rate = {0.1 + 0.2, 5e-324, 1.7976931348623157e308, 3};
  config.grid.batch_size = {1, std::numeric_limits<std::int64_t>::max()};
  config.grid.epsilon = {1.0 / 3, std::nextafter(1.0, 0.0)};
  config.train.batch_steps.plateau_tolerance = 1e-300;
  config.train.independent_epsilon = true;
  config.workers.device = DeviceChoice::cuda;
  config.workers.per_rank = 7;
  config.workers.trial_timeout = 1e-5;
  config.workers.gflops = 1e20;
  config.output.flush_seconds = 0.1 + 0.2;
  config.workers.peer_timeout = 7.5;
  config.output.retry_seconds = 0;
  config.output.curves = false;
  expect_equal(parse(to_yaml(config)), config);
}

TEST(ConfigRoundTrip, Yaml11ReadersSeeNumbersToo) {
  Config config = parse(kMinimal);
  config.grid.learning_rate = {1e-5, 2.5e-6, 1e-3};
  EXPECT_THAT(to_yaml(config),
              testing::HasSubstr("[1.0e-05, 2.5e-06, 0.001]\n"));
}

// --- The document -----------------------------------------------------------

std::vector<std::string> cells_of(const std::string& row) {
  std::vector<std::string> cells;
  std::istringstream stream(row);
  for (std::string cell; std::getline(stream, cell, '|');) {
    const auto first = cell.find_first_not_of(" `");
    const auto last = cell.find_last_not_of(" `");
    if (first != std::string::npos) {
      cells.push_back(cell.substr(first, last - first + 1));
    }
  }
  return cells;
}

/// What stands between the first "```LANGUAGE" after `heading` and its end.
std::string code_block(const std::string& document, const std::string& heading,
                       const std::string& language) {
  const std::string opening = "```" + language + "\n";
  const auto begin =
      document.find(opening, document.find(heading)) + opening.size();
  return document.substr(begin, document.find("```", begin) - begin);
}

TEST(ConfigurationDocument, ListsTheKeysAndDefaultsThatTheParserKnows) {
  const std::string document = read_file(kRoot / "docs" / "configuration.md");
  std::vector<std::string> documented;
  std::istringstream stream(document);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with("| `")) continue;
    const auto cells = cells_of(line);
    ASSERT_GE(cells.size(), 3U) << line;
    documented.push_back(cells[0] + " = " + cells[1]);
  }
  std::vector<std::string> known;
  for (const ConfigKey& key : config_keys()) {
    known.push_back(key.path + " = " + key.default_value);
  }
  EXPECT_EQ(documented, known);
}

TEST(ConfigurationDocument, ListsEveryArchitectureWithItsDefaults) {
  const std::string document = read_file(kRoot / "docs" / "configuration.md");
  for (const std::string& family : zoo::families()) {
    for (const std::string& kind : zoo::architecture_names(family)) {
      const std::string row = fmt::format("| {} | {} | ", family, kind);
      const std::size_t begin = document.find(row);
      ASSERT_NE(begin, std::string::npos) << row;
      const std::string keys =
          document.substr(begin, document.find('\n', begin) - begin);
      const nlohmann::json defaults = zoo::to_json(
          zoo::make_architecture(family, kind, nlohmann::json::object()));
      for (const std::string& key : zoo::architecture_keys(kind)) {
        const nlohmann::json& value = defaults.at(key);
        EXPECT_THAT(keys, testing::HasSubstr(fmt::format(
                              "{}: {}", key,
                              value.is_string() ? value.get<std::string>()
                                                : value.dump())));
      }
    }
  }
}

TEST(ConfigurationDocument, ShowsTheMessagesThatItsExampleGives) {
  const std::string document = read_file(kRoot / "docs" / "configuration.md");
  const std::string example = code_block(document, "## Messages", "yaml");
  std::string lines;
  try {
    parse_config(example, "configs/my.yaml", {});
  } catch (const UserError& error) {
    lines = fmt::format("cape_farm: error: {}\n", error.what());
  }
  EXPECT_EQ(lines, code_block(document, "## Messages", "text"));
}

}  // namespace
}  // namespace cape::grid
