/// What a run is to do, as plain data with defaults. grid/config_yaml.h reads
/// and writes it.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/enum_names.h"
#include "datasets/user_dataset.h"
#include "grid/axis.h"
#include "trial/task.h"
#include "zoo/architecture.h"
#include "zoo/diverse.h"

namespace cape::grid {

/// One entry of grid.models: explicit architectures, or drawn per trajectory.
struct ModelSpec {
  std::string family;
  bool sample_published = false;
  std::vector<zoo::Architecture> architectures;  ///< empty when sampled
  std::optional<zoo::Diverse> diverse = {};      ///< of sample: diverse

  bool is_sampled() const { return sample_published || diverse; }
};

/// One entry of grid.datasets.
struct DatasetSpec {
  std::string name;
  datasets::Variant variant = {};
  bool sample_variant = false;  ///< one is drawn per trajectory
  std::optional<datasets::UserDataset> user = {};  ///< else one that is known

  bool operator==(const DatasetSpec&) const = default;
};

/// One entry of grid.optimizer.
struct OptimizerSpec {
  trial::Optimizer optimizer;
  bool has_weight_decay = false;    ///< else it takes train.weight_decay
  Axis<double> learning_rate = {};  ///< without values: grid.learning_rate

  bool operator==(const OptimizerSpec&) const = default;
};

/// In grid.samples: all that there are.
inline constexpr std::int64_t kAllSamples =
    std::numeric_limits<std::int64_t>::max();

struct GridConfig {
  std::vector<ModelSpec> models;
  std::vector<DatasetSpec> datasets;
  std::vector<OptimizerSpec> optimizer = {OptimizerSpec{}};
  Axis<double> learning_rate;
  Axis<std::int64_t> batch_size;
  Axis<std::int64_t> samples = {kAllSamples};  ///< of full_training
  std::vector<double> epsilon;
  std::int64_t trials = 1;
};

struct TrainConfig {
  std::string target = trial::BatchSteps::kName;
  trial::BatchSteps batch_steps;      ///< the settings of that target
  trial::FullTraining full_training;  ///< and of that; its patience is the
                                      ///< longest below
  std::vector<std::int64_t> patience = {5};  ///< one criterion each
  double validation = 0.1;                   ///< share of the samples
  double weight_decay = 1e-4;  ///< of optimizers that have none of their own
  bool independent_epsilon = false;
};

/// The target that a configuration names, with its settings.
trial::Target target_of(const TrainConfig& train);

enum class DeviceChoice { automatic, cpu, cuda };

constexpr auto enum_names(DeviceChoice) {
  using enum DeviceChoice;
  return EnumNames{"device",
                   std::to_array<EnumName<DeviceChoice>>(
                       {{automatic, "auto"}, {cpu, "cpu"}, {cuda, "cuda"}})};
}

struct WorkersConfig {
  DeviceChoice device = DeviceChoice::automatic;
  std::optional<std::int64_t> per_rank;  ///< trainers a rank; auto when absent
  std::int64_t per_gpu = 1;
  std::int64_t threads = 1;             ///< a trainer, on CPU
  std::int64_t retries = 2;             ///< of a trial, after the first attempt
  std::optional<double> trial_timeout;  ///< seconds; auto when absent
  double gflops = 0;  ///< speed of one trainer for --plan; 0: measured before
  double peer_timeout = 180;  ///< seconds of silence after which a rank is gone
};

struct OutputConfig {
  double flush_seconds = 30;
  double retry_seconds = 600;  ///< where a file cannot be written
  std::int64_t rows_per_shard = 5000;
  bool curves = true;
};

struct Config {
  std::string name;
  std::uint64_t seed = 42;
  std::string data_dir;  ///< empty: $CAPE_DATA, then Debian's folder
  GridConfig grid;
  TrainConfig train;
  trial::ProbeSettings probe;
  WorkersConfig workers;
  OutputConfig output;

  /// Key path ("grid.batch_size[2]") -> "file:line:col", for later messages.
  std::map<std::string, std::string> locations;

  /// "file:line:col" of a key path or of its nearest parent.
  std::string where(const std::string& key_path) const;
};

/// Says which samples of a data set validate in all of its full_trainings.
std::uint64_t validation_seed(const Config& config,
                              const std::string& fingerprint);

/// What each training is measured for: every epsilon, and with full_training
/// every patience.
std::vector<trial::Criterion> criteria_of(const Config& config);

}  // namespace cape::grid
