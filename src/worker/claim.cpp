#include "worker/claim.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "core/subprocess.h"
#include "core/units.h"

namespace cape {
namespace {

constexpr std::chrono::seconds kBeat{30};
constexpr std::time_t kSilentSeconds = 180;

nlohmann::json this_run(Part part) {
  const char* job = std::getenv("SLURM_JOB_ID");
  return {{"part", part.index},   {"parts", part.count},
          {"host", host_name()},  {"pid", ::getpid()},
          {"started", utc_now()}, {"slurm_job", job == nullptr ? "" : job}};
}

bool is_stale(const std::filesystem::path& file, const nlohmann::json& claim) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return true;
  if (std::time(nullptr) - status.st_mtime > kSilentSeconds) return true;
  const pid_t pid = claim.value("pid", 0);
  return claim.value("host", "") == host_name() &&
         (pid <= 0 || (::kill(pid, 0) != 0 && errno == ESRCH));
}

void refuse(const std::filesystem::path& file, const nlohmann::json& claim,
            Part part) {
  const auto index = claim.value("part", std::int64_t{0});
  const auto count = claim.value("parts", std::int64_t{1});
  fail_user(
      "part {} of {} of this grid is being run by process {} on {} since {}, "
      "which overlaps part {} of {}; wait for it or end it (claim: {})",
      index, count, claim.value("pid", 0), claim.value("host", "?"),
      claim.value("started", "?"), part.index, part.count, file.string());
}

/// Refuses when a live claim overlaps `part`.
void check_others(const std::filesystem::path& directory,
                  const std::string& name, Part part) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string file = entry.path().filename().string();
    if (!file.starts_with(name + "-") || !file.ends_with(".claim")) continue;
    const auto claim =
        nlohmann::json::parse(read_file(entry.path()), nullptr, false);
    if (!claim.is_object() || is_stale(entry.path(), claim)) continue;
    const bool same_division =
        claim.value("parts", std::int64_t{1}) == part.count;
    if (same_division && claim.value("part", std::int64_t{0}) != part.index) {
      continue;
    }
    refuse(entry.path(), claim, part);
  }
}

}  // namespace

Claim::Claim(const std::filesystem::path& directory, const std::string& name,
             Part part)
    : next_beat_(std::chrono::steady_clock::now() + kBeat) {
  check_others(directory, name, part);
  file_ =
      directory / fmt::format("{}-{}of{}.claim", name, part.index, part.count);
  // What is left under this name is stale. Of two runs that come this far at
  // the same moment the exclusive creation lets one through.
  ::unlink(file_.c_str());
  const FileHandle file(
      ::open(file_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!file.is_open() && errno == EEXIST) {
    check_others(directory, name, part);
  }
  publish_file(file_, this_run(part).dump() + "\n");
}

Claim::~Claim() { ::unlink(file_.c_str()); }

void Claim::heartbeat() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_beat_) return;
  next_beat_ = now + kBeat;
  (void)::utimensat(AT_FDCWD, file_.c_str(), nullptr, 0);
}

}  // namespace cape
