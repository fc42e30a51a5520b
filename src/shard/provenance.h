#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cape::shard {

/// What a shard says about the run that wrote it: root attributes, in order,
/// and the expanded configuration.
struct Provenance {
  std::vector<std::pair<std::string, std::string>> attributes;
  std::string config_yaml;

  bool operator==(const Provenance&) const = default;
};

}  // namespace cape::shard
