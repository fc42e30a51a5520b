#include "grid/config_yaml.h"

#include <fmt/format.h>

#include "core/environment.h"
#include "core/error.h"
#include "core/files.h"
#include "grid/yaml_axis.h"
#include "grid/yaml_datasets.h"
#include "grid/yaml_document.h"
#include "grid/yaml_models.h"
#include "grid/yaml_optimizers.h"

namespace cape::grid {
namespace {

using namespace yaml;

/// The one table of keys: reading, writing and docs/configuration.md follow it.
std::vector<Key> keys_of(Config& config) {
  GridConfig& grid = config.grid;
  TrainConfig& train = config.train;
  trial::BatchSteps& steps = train.batch_steps;
  trial::FullTraining& training = train.full_training;
  WorkersConfig& workers = config.workers;
  OutputConfig& output = config.output;
  constexpr double kMostTrials = 1e9;
  constexpr double kMostSteps = 1e7;
  constexpr double kMostEpochs = 1e5;
  return {
      required(key("name", config.name, file_word())),
      key("seed", config.seed, unsigned_whole()),
      key("data_dir", config.data_dir, text()),

      required(key("grid.models", grid.models, models())),
      required(key("grid.datasets", grid.datasets, list(dataset()))),
      key("grid.optimizer", grid.optimizer, optimizers()),
      required(
          key("grid.learning_rate", grid.learning_rate, axis(real(above(0))))),
      required(
          key("grid.batch_size", grid.batch_size, axis(whole(at_least(1))))),
      key("grid.samples", grid.samples,
          axis(word_or("all", whole(at_least(1)), kAllSamples))),
      required(key("grid.epsilon", grid.epsilon, list(real(between(0, 1))))),
      key("grid.trials", grid.trials, whole(from_to(1, kMostTrials))),

      key("train.target", train.target, word_of(trial::target_names())),
      key("train.max_steps", steps.max_steps, whole(from_to(2, kMostSteps))),
      key("train.plateau_window", steps.plateau_window, whole(at_least(2))),
      key("train.plateau_tolerance", steps.plateau_tolerance,
          real(at_least(0))),
      key("train.weight_decay", train.weight_decay, real(at_least(0))),
      key("train.record_at_least", steps.record_at_least,
          whole(from_to(0, kMostSteps))),
      key("train.independent_epsilon", train.independent_epsilon, flag()),
      key("train.validation", train.validation, real(between(0, 1))),
      key("train.patience", train.patience,
          list(whole(from_to(1, kMostEpochs)))),
      key("train.min_delta", training.min_delta, real(at_least(0))),
      key("train.max_epochs", training.max_epochs,
          whole(from_to(1, kMostEpochs))),

      key("probe.extended", config.probe.extended, flag()),

      key("workers.device", workers.device, enumerator<DeviceChoice>()),
      key("workers.per_rank", workers.per_rank, optional(whole(at_least(1)))),
      key("workers.per_gpu", workers.per_gpu, whole(at_least(1))),
      key("workers.threads", workers.threads, whole(from_to(1, 4096))),
      key("workers.retries", workers.retries, whole(at_least(0))),
      key("workers.trial_timeout", workers.trial_timeout,
          optional(seconds(above(0)))),
      key("workers.gflops", workers.gflops, auto_or(real(above(0)), 0.0)),
      key("workers.peer_timeout", workers.peer_timeout, seconds(above(0))),

      key("output.flush_seconds", output.flush_seconds, seconds(at_least(0))),
      key("output.retry_seconds", output.retry_seconds, seconds(at_least(0))),
      key("output.rows_per_shard", output.rows_per_shard, whole(at_least(1))),
      key("output.curves", output.curves, flag()),
  };
}

}  // namespace

Config parse_config(const std::string& text, const std::string& origin,
                    const std::vector<std::string>& overrides) {
  Problems problems;
  Value root = parse(text, origin, problems);
  if (root.kind == Value::Kind::null) {
    fail_user(
        "{}:1:1: not a configuration (found nothing); give the keys that "
        "docs/configuration.md lists",
        origin);
  }
  for (const std::string& assignment : overrides) {
    apply_override(root, assignment, problems);
  }
  Config config;
  read_document(root, keys_of(config), problems);
  problems.throw_if_any();
  config.locations = locations(root);
  return config;
}

void open_files(Config& config, const std::filesystem::path& folder) {
  Problems problems;
  const auto expand = [&](std::string& path, const std::string& key) {
    try {
      path = expand_path(path);
    } catch (const UserError& error) {
      problems.add({.text = config.where(key)}, error.what());
    }
  };
  for (std::size_t d = 0; d < config.grid.datasets.size(); ++d) {
    DatasetSpec& spec = config.grid.datasets[d];
    if (!spec.user) continue;
    for (std::string* file : {&spec.user->x, &spec.user->y}) {
      if (file->empty()) continue;
      expand(*file, fmt::format("grid.datasets[{}].{}", d,
                                file == &spec.user->x ? "x" : "y"));
      *file = (folder / *file).lexically_normal().string();
    }
  }
  for (ModelSpec& model : config.grid.models) {
    for (zoo::Architecture& architecture : model.architectures) {
      auto* const script = std::get_if<zoo::TorchScript>(&architecture);
      if (script == nullptr) continue;
      expand(script->file, "grid.models");
      problems.throw_if_any();
      *script = zoo::opened(*script, folder);
    }
  }
  problems.throw_if_any();
}

Config load_config(const std::filesystem::path& path,
                   const std::vector<std::string>& overrides) {
  if (std::filesystem::is_directory(path)) {
    fail_user("{}: not a file (found a directory); name a configuration in it",
              path.string());
  }
  Config config = parse_config(read_file(path), path.string(), overrides);
  open_files(config, absolute_path(path).parent_path());
  return config;
}

std::string to_yaml(const Config& config) {
  Config copy = config;
  return write_document(keys_of(copy));
}

std::vector<ConfigKey> config_keys() {
  Config defaults;
  std::vector<ConfigKey> all;
  for (const Key& key : keys_of(defaults)) {
    all.push_back({key.path, key.required ? "required" : key.write()});
  }
  return all;
}

}  // namespace cape::grid
