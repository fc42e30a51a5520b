#include "predictor/model_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "predictor/report.h"
#include "predictor/tables.h"

namespace cape {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 5> kFiles = {
    "model.json", "cape.json", "metrics.json", "report.html", "tables"};

/// What is in the way of a model directory at `place`; empty: nothing.
std::string obstacle(const fs::path& place) {
  if (!fs::exists(place)) return "";
  if (!fs::is_directory(place)) return "it is no directory";
  for (const auto& entry : fs::directory_iterator(place)) {
    const std::string name = entry.path().filename().string();
    if (std::ranges::find(kFiles, name) == kFiles.end()) {
      return fmt::format("it holds {}, which is no part of a model", name);
    }
  }
  return "";
}

void rename_to(const fs::path& from, const fs::path& to, unsigned flags) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) != 0) {
    throw StoppedError(fmt::format("cannot rename {} to {}: {}", from.string(),
                                   to.string(), errno_text(errno)));
  }
}

}  // namespace

ModelDirectory::ModelDirectory(const fs::path& place)
    : place_(fs::absolute(place).lexically_normal()) {
  if (!place_.has_filename()) place_ = place_.parent_path();
  building_ = place_.parent_path() /
              fmt::format(".{}.{}", place_.filename().string(), ::getpid());
  std::string cause;
  try {
    cause = obstacle(place_);
    if (cause.empty()) fs::create_directories(building_ / "tables");
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
}

void ModelDirectory::write(const FitResult& result) {
  publish_file(building_ / "model.json",
               result.predictor.model.booster.to_json());
  publish_file(building_ / "cape.json", cape_json(result));
  publish_file(building_ / "metrics.json", metrics_json(result));
  std::vector<Table> tables = result.tables;
  tables.push_back(metrics_table(result));
  tables.push_back(coverage_table(result));
  tables.push_back(unavailable_table(result));
  auto [importance, contributions] = explain(result);
  tables.push_back(importance);
  publish_file(building_ / "report.html", report_html(result, tables));
  tables.push_back(std::move(contributions));
  for (const Table& table : tables) {
    publish_file(building_ / "tables" / (table.name + ".csv"), to_csv(table));
  }
  publish_file(building_ / "tables" / "predictions.csv",
               predictions_csv(result));
}

void ModelDirectory::publish() {
  if (fs::exists(place_)) {
    // What was there is then in building_, which the destructor takes away.
    rename_to(building_, place_, RENAME_EXCHANGE);
  } else {
    rename_to(building_, place_, 0);
  }
}

}  // namespace cape
