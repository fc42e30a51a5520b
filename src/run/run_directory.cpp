#include "run/run_directory.h"

#include <fmt/chrono.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <ctime>
#include <memory>

#include "core/environment.h"
#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "core/version.h"
#include "messaging/communicator.h"
#include "shard/writer.h"
#include "trial/task.h"

namespace cape::run {
namespace {}  // namespace

void make_run_directory(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    fail_user("cannot make the output directory {}: {}; choose another --out",
              directory.string(), error.message());
  }
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    fail_user(
        "cannot write to the output directory {}: {}; choose another "
        "--out",
        directory.string(), errno_text(errno));
  }
}

std::string part_name(const std::string& grid, grid::Part part) {
  return fmt::format("{}-{}of{}", grid, part.index, part.count);
}

void remove_leftover_files(const std::filesystem::path& directory,
                           const std::string& part) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    // A dot, and then the name of the file that it was to become.
    const std::string file = entry.path().filename().string();
    std::string_view name = file;
    if (!name.starts_with('.')) continue;
    name.remove_prefix(1);
    if (constexpr std::string_view kFailed = "failed-";
        name.starts_with(kFailed)) {
      name.remove_prefix(kFailed.size());
    }
    if (name.starts_with(part + "-") || name.starts_with(part + ".")) {
      ::unlink(entry.path().c_str());
    }
  }
}

void log_to_file(const std::filesystem::path& directory, int rank) try {
  const auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(
      (directory / "farm.log").string());
  sink->set_pattern(fmt::format("%Y-%m-%d %H:%M:%S rank {} %l: %v", rank));
  spdlog::default_logger()->sinks().push_back(sink);
  spdlog::flush_on(spdlog::level::info);
} catch (const spdlog::spdlog_ex& error) {
  spdlog::warn("there will be no farm.log: {}", error.what());
}

TokenFile::TokenFile(const std::filesystem::path& directory,
                     const std::string& run)
    : file_(directory / fmt::format(".{}-seen-by-all", run)) {
  publish_file(file_, "all ranks of a run must see this file\n");
}

TokenFile::~TokenFile() { ::unlink(file_.c_str()); }

std::string make_run_id() {
  return fmt::format("{:%Y%m%dT%H%M%S}-{:x}", fmt::gmtime(std::time(nullptr)),
                     ::getpid());
}

std::vector<std::pair<std::string, std::string>> run_attributes(
    const std::string& torch_version) {
  return {{"protocol_version", std::to_string(trial::kProtocolVersion)},
          {"program", fmt::format("cape_farm {}", kVersion)},
          {"git_commit", kGitCommit},
          {"libtorch_version", torch_version},
          {"mpi_version", messaging::mpi_version()},
          {"hdf5_version", shard::hdf5_version()},
          {"host", host_name()},
          {"slurm_job_id", environment_variable("SLURM_JOB_ID")},
          {"slurm_array_task_id", environment_variable("SLURM_ARRAY_TASK_ID")},
          {"started", utc_now()}};
}

}  // namespace cape::run
