/// YAML <-> Config. The table of keys is in config_yaml.cpp; the yaml_* files
/// beside it know how to read and write one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "grid/config.h"

namespace cape::grid {

/// Reads and checks a configuration; `overrides` ("key.path=value") replace
/// values of it, and its files opened, from its folder (open_files). Throws
/// UserError with every problem of the file at once, one a line:
/// "file:line:col: problem (found); advice". An override replaces what its key
/// held, the later of two wins, and its place is "command line:
/// key.path=value".
Config load_config(const std::filesystem::path& path,
                   const std::vector<std::string>& overrides);

/// The same from text, paths as they are; `origin` stands for the file's name
/// in messages.
Config parse_config(const std::string& text, const std::string& origin,
                    const std::vector<std::string>& overrides);

/// Expands the paths of own data and own networks (core/environment.h), makes
/// them absolute, from `folder`, and notes what the networks' files hold.
/// Throws UserError where a variable is not set, with the place, or a network's
/// file is missing.
void open_files(Config& config, const std::filesystem::path& folder);

/// The complete configuration with all defaults, as YAML that load_config
/// reads back to the same Config.
std::string to_yaml(const Config& config);

struct ConfigKey {
  std::string path;           ///< "grid.learning_rate"
  std::string default_value;  ///< as YAML; "required" where there is none
};

/// All keys, in the order of to_yaml.
std::vector<ConfigKey> config_keys();

}  // namespace cape::grid
