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

  /// The values of the configuration that they replace.
  std::vector<std::string> overrides() const;

  /// The cape_trainer to start.
  std::filesystem::path program() const;
};

}  // namespace cape
