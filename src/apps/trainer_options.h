/// What programs that start trainers let their users choose.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace cape {

struct TrainerOptions {
  std::string data_dir;
  std::string device;
  std::string trainer;

  /// --data-dir, --device and --trainer.
  void declare(CLI::App& app);

  /// Whether one was given.
  bool any() const {
    return !data_dir.empty() || !device.empty() || !trainer.empty();
  }

  /// The values of the configuration that they replace.
  std::vector<std::string> overrides() const;

  /// The cape_trainer to start.
  std::filesystem::path program() const;
};

}  // namespace cape
