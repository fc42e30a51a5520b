#include "predictor/fit/model_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "predictor/artifact/general_json.h"
#include "predictor/artifact/perceptron_json.h"
#include "predictor/report/report.h"
#include "predictor/report/tables.h"

namespace cape::predictor {
namespace {

namespace fs = std::filesystem;

/// first_steps.json is of versions before there were two of them.
constexpr std::array<std::string_view, 10> kFiles = {
    "model.json",          "perceptron.json",
    "general.json",        "first_steps_8.json",
    "first_steps_32.json", "first_steps.json",
    "cape.json",           "metrics.json",
    "report.html",         "tables"};

/// Of whole trainings: each holds a model.
constexpr std::array<std::string_view, 2> kFolders = {"epsilon",
                                                      "early_stopping"};

/// Whether a model directory has such a file; those of the default model are
/// compressed.
bool is_part_of_model(std::string_view name) {
  if (name.ends_with(".json.gz") && name != "cape.json.gz") {
    name.remove_suffix(3);
  }
  return std::ranges::find(kFiles, name) != kFiles.end();
}

bool is_folder_of_model(const fs::path& place) {
  const std::string name = place.filename().string();
  return std::ranges::find(kFolders, name) != kFolders.end() &&
         fs::exists(place / "cape.json");
}

/// What prevents a model directory at `place`; empty: nothing.
std::string obstacle(const fs::path& place) {
  if (!fs::exists(place)) return "";
  if (!fs::is_directory(place)) return "it is no directory";
  for (const auto& entry : fs::directory_iterator(place)) {
    const std::string name = entry.path().filename().string();
    if (is_part_of_model(name) || is_folder_of_model(entry.path())) continue;
    if (entry.is_directory() && holds_model(entry.path())) {
      return fmt::format("it holds {}, which is a model of its own", name);
    }
    return fmt::format("it holds {}, which is no part of a model", name);
  }
  return "";
}

/// Returns false if the file system does not support `flags`.
bool rename_to(const fs::path& from, const fs::path& to, unsigned flags = 0) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0) {
    return true;
  }
  if (flags != 0 && (errno == EINVAL || errno == ENOSYS)) return false;
  throw StoppedError(fmt::format("cannot rename {} to {}: {}", from.string(),
                                 to.string(), errno_text(errno)));
}

/// Whatever was at `place` is in `aside` afterwards.
void swap_in(const fs::path& made, const fs::path& place,
             const fs::path& aside) {
  rename_to(place, aside);
  try {
    rename_to(made, place);
  } catch (const StoppedError&) {
    rename_to(aside, place);
    throw;
  }
}

}  // namespace

ModelDirectory::ModelDirectory(const fs::path& place)
    : place_(fs::absolute(place).lexically_normal()) {
  if (!place_.has_filename()) place_ = place_.parent_path();
  building_ = place_.parent_path() /
              fmt::format(".{}.{}", place_.filename().string(), ::getpid());
  old_ = building_.string() + ".old";
  std::string cause;
  try {
    cause = obstacle(place_);
    if (cause.empty()) fs::create_directories(building_);
  } catch (const fs::filesystem_error& failure) {
    cause = failure.code().message();
  }
  if (!cause.empty()) {
    fail_user("cannot write a model to {}: {}; choose another --out",
              place.string(), cause);
  }
}

ModelDirectory::~ModelDirectory() {
  std::error_code ignored;
  fs::remove_all(building_, ignored);
  if (fs::exists(place_, ignored)) fs::remove_all(old_, ignored);
}

void ModelDirectory::write(const FitResult& result, const fs::path& folder) {
  const fs::path place = building_ / folder;
  fs::create_directories(place / "tables");
  publish_file(place / "model.json", result.predictor.model.booster.to_json());
  if (!result.predictor.model.perceptrons.empty()) {
    publish_file(place / "perceptron.json",
                 to_text(perceptrons_json<nlohmann::ordered_json>(
                     result.predictor.model.perceptrons)));
  }
  if (result.predictor.general) {
    publish_file(place / "general.json", to_json(*result.predictor.general));
  }
  for (const auto& [steps, fitted] : result.first_steps) {
    publish_file(place / first_steps_file(steps), to_json(fitted.model));
  }
  publish_file(place / "cape.json", cape_json(result));
  std::vector<Table> tables;
  if (result.ablation) tables.push_back(to_table(*result.ablation));
  std::ranges::copy(result.tables, std::back_inserter(tables));
  tables.push_back(metrics_table(result));
  tables.push_back(coverage_table(result));
  tables.push_back(unavailable_table(result));
  if (result.predictor.general) tables.push_back(general_table(result));
  for (const auto& [steps, fitted] : result.first_steps) {
    tables.push_back(first_steps_table(steps, fitted));
  }
  if (!result.unseen.empty()) tables.push_back(unseen_table(result));
  auto [importance, contributions] = explain(result);
  tables.push_back(importance);
  publish_file(place / "report.html", report_html(result, tables));
  tables.push_back(std::move(contributions));
  write(tables, metrics_json(result), folder);
  publish_file(place / "tables" / "predictions.csv", predictions_csv(result));
}

void ModelDirectory::write(const std::vector<Table>& tables,
                           std::string_view metrics, const fs::path& folder) {
  const fs::path place = building_ / folder;
  fs::create_directories(place / "tables");
  publish_file(place / "metrics.json", metrics);
  for (const Table& table : tables) {
    publish_file(place / "tables" / (table.name + ".csv"), to_csv(table));
  }
}

bool holds_model(const fs::path& place) {
  return fs::exists(place / "model.json") ||
         fs::exists(place / "model.json.gz") ||
         std::ranges::any_of(kFolders, [&](std::string_view folder) {
           return is_folder_of_model(place / folder);
         });
}

void ModelDirectory::publish() {
  if (!fs::exists(place_)) {
    rename_to(building_, place_);
    return;
  }
  // What was there is now in the directory that the destructor removes.
  if (rename_to(building_, place_, RENAME_EXCHANGE)) return;
  swap_in(building_, place_, old_);  // NFS and Lustre
}

}  // namespace cape::predictor
