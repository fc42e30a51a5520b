/// What rank 0 tells every rank at the start: all it needs to do its share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "coordinator/scheduler.h"
#include "datasets/dataset.h"
#include "grid/config.h"
#include "trainer_client/placement.h"

namespace cape::run {

/// What a rank needs to know to find out what its machine has.
struct ResourceQuery {
  std::string trainer;  ///< path of cape_trainer
  grid::DeviceChoice device = grid::DeviceChoice::automatic;
};

struct RunStart {
  std::string config_yaml;
  std::vector<datasets::DatasetInfo> datasets;
  std::string directory;  ///< of the shards, absolute
  std::string token;      ///< a file in it that this rank must see
  std::string prefix;     ///< of file names: "<name>-<I>of<N>-<run id>"
  std::string trainer;    ///< path of cape_trainer
  std::optional<double> seconds_left;
  /// Root attributes of the shards: name and value.
  std::vector<std::pair<std::string, std::string>> attributes;
  trainer_client::Placement placement;
  grid::Part part{};
  /// The shards whose probes are repeated; nothing: the grid is measured.
  std::optional<std::vector<std::string>> refreshed_shards;
};

std::string encode(const RunStart& start);
RunStart decode_run_start(const std::string& text);

std::string encode(const ResourceQuery& query);
ResourceQuery decode_resource_query(const std::string& text);

std::string encode(const trainer_client::RankResources& resources);
trainer_client::RankResources decode_rank_resources(const std::string& text);

}  // namespace cape::run
