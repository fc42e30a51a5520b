#include "apps/trainer_options.h"

#include <fmt/format.h>

#include "apps/path_option.h"
#include "core/files.h"

namespace cape {
namespace {

/// A text as a YAML scalar.
std::string yaml_quoted(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "''" : std::string(1, c);
  return quoted + "'";
}

}  // namespace

void TrainerOptions::declare(CLI::App& app) {
  // It is expanded where data sets are looked for, as in a configuration.
  app.add_option(
         "--data-dir", data_dir,
         "where data sets are; default $CAPE_DATA, then Debian's folder")
      ->type_name("DIR");
  app.add_option("--device", device, "auto, cpu or cuda")->type_name("NAME");
  as_path(
      app.add_option("--trainer", trainer,
                     fmt::format("the cape_trainer to use; default: beside {}",
                                 app.get_name())))
      ->type_name("FILE");
}

std::vector<std::string> TrainerOptions::overrides() const {
  std::vector<std::string> all;
  if (!data_dir.empty()) all.push_back("data_dir=" + yaml_quoted(data_dir));
  if (!device.empty()) all.push_back("workers.device=" + device);
  return all;
}

std::filesystem::path TrainerOptions::program() const {
  if (!trainer.empty()) return trainer;
  return absolute_path(executable_directory() / "cape_trainer");
}

}  // namespace cape
