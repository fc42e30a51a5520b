/// A small configuration file and how tests parse it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "grid/config_yaml.h"

namespace cape::grid {

/// The folder of the project.
inline const std::filesystem::path kRoot =
    std::filesystem::path(CAPE_FIXTURES).parent_path().parent_path();

inline const std::string kMinimal = R"(name: small
grid:
  models: [{family: mlp, sample: published}]
  datasets: [mnist]
  learning_rate: [1e-3]
  batch_size: [32]
  epsilon: [0.1]
)";

inline Config parse(const std::string& text,
                    const std::vector<std::string>& overrides = {}) {
  return parse_config(text, "c.yaml", overrides);
}

}  // namespace cape::grid
