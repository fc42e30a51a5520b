#include "run/run_start.h"

#include <nlohmann/json.hpp>

namespace cape::datasets {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DatasetInfo, name, task, shape, vocabulary,
                                   images, classes, samples, train_size,
                                   fingerprint, directory)

}  // namespace cape::datasets

namespace cape::trainer_client {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Placement, cpus, devices)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RankResources, host, cpus, launcher_cpus,
                                   launched, bound_by_default, cpu_limit, gpus,
                                   visible_gpus)

}  // namespace cape::trainer_client

namespace cape::run {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ResourceQuery, trainer, device)

std::string encode(const RunStart& start) {
  nlohmann::json json = {
      {"config", start.config_yaml},
      {"datasets", start.datasets},
      {"directory", start.directory},
      {"token", start.token},
      {"prefix", start.prefix},
      {"trainer", start.trainer},
      {"seconds_left", start.seconds_left ? nlohmann::json(*start.seconds_left)
                                          : nlohmann::json(nullptr)},
      {"attributes", start.attributes},
      {"placement", start.placement},
      {"part", {start.part.index, start.part.count}}};
  if (start.refreshed_shards) {
    json["refreshed_shards"] = *start.refreshed_shards;
  }
  return json.dump();
}

RunStart decode_run_start(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  RunStart start{.config_yaml = json.at("config"),
                 .datasets = json.at("datasets"),
                 .directory = json.at("directory"),
                 .token = json.at("token"),
                 .prefix = json.at("prefix"),
                 .trainer = json.at("trainer"),
                 .seconds_left = {},
                 .attributes = json.at("attributes"),
                 .placement = json.at("placement"),
                 .part = {json.at("part").at(0), json.at("part").at(1)},
                 .refreshed_shards = {}};
  if (const auto shards = json.find("refreshed_shards"); shards != json.end()) {
    start.refreshed_shards = shards->get<std::vector<std::string>>();
  }
  const auto& seconds = json.at("seconds_left");
  if (!seconds.is_null()) start.seconds_left = seconds.get<double>();
  return start;
}

std::string encode(const ResourceQuery& query) {
  return nlohmann::json(query).dump();
}

ResourceQuery decode_resource_query(const std::string& text) {
  return nlohmann::json::parse(text).get<ResourceQuery>();
}

std::string encode(const trainer_client::RankResources& resources) {
  return nlohmann::json(resources).dump();
}

trainer_client::RankResources decode_rank_resources(const std::string& text) {
  return nlohmann::json::parse(text).get<trainer_client::RankResources>();
}

}  // namespace cape::run
