/// Repeats the probes of rows that an older version of the probe measured,
/// without training again: docs/operating.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/scheduler.h"
#include "grid/workload.h"
#include "shard/schema.h"
#include "worker/worker.h"

namespace cape::run {

/// The trajectories whose rows have an older probe, as a workload. Each is
/// described by its own rows: the configuration gives the data sets, the files
/// of TorchScript networks, and the settings of the workers.
class ProbeRefresh : public grid::Workload {
 public:
  /// Rows that are left as they are, and why.
  struct Left {
    std::int64_t other_datasets = 0;      ///< not named, or with other samples
    std::int64_t other_networks = 0;      ///< cannot be built here
    std::vector<std::string> unreadable;  ///< shards
    std::int64_t all() const { return other_datasets + other_networks; }
  };

  /// Of the rows in `shards` those of `part`: the trajectories are divided by
  /// their keys, so that parts that start at different times never overlap.
  ProbeRefresh(grid::Config config, std::vector<datasets::DatasetInfo> datasets,
               std::vector<std::filesystem::path> shards, grid::Part part);

  const grid::Config& config() const override { return config_; }
  std::int64_t trajectories() const override {
    return static_cast<std::int64_t>(items_.size());
  }
  std::int64_t group_size() const override { return 1; }
  trial::CriterionMask all_criteria() const override { return 1; }
  grid::Trajectory trajectory(std::int64_t index,
                              trial::CriterionMask mask) const override;
  double expected_flops(std::int64_t index) const override;
  const std::string& family(std::int64_t index) const override;

  /// The rows of a trajectory with their new probe, and their curves. Nothing
  /// where the initial loss is not that of the rows (relative difference above
  /// kLossTolerance): other data, another sampler or another random stream made
  /// them. Throws UserError when a shard can no longer be read.
  std::vector<worker::Publication> publications(
      const grid::Trajectory& trajectory,
      const trial::TrialResult& result) const;

  static constexpr double kLossTolerance = 1e-3;

  /// Seconds that the probe of trajectory `index` took when it was measured; 0
  /// where that is not known.
  double probe_seconds(std::int64_t index) const;

  std::int64_t rows() const { return rows_; }
  const Left& left() const { return left_; }

 private:
  struct StoredRow {
    shard::Row row;
    std::size_t shard;  ///< index in shards_
  };
  struct Item {
    std::vector<StoredRow> rows;  ///< at least one
    grid::Trajectory trajectory;
    double flops = 0;
  };

  void read_rows(grid::Part part, std::map<std::string, StoredRow>& by_key);
  std::optional<grid::Trajectory> describe_rows(const shard::Row& row);
  zoo::Architecture architecture_of(const shard::Row& row) const;
  trial::Target target_of(const shard::Row& row,
                          const datasets::DatasetInfo& dataset) const;

  grid::Config config_;
  std::vector<datasets::DatasetInfo> datasets_;
  std::vector<std::filesystem::path> shards_;
  std::vector<Item> items_;
  std::vector<std::string> families_;  ///< of the items
  std::int64_t rows_ = 0;
  Left left_;
};

}  // namespace cape::run
