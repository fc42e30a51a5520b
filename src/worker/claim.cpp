#include "worker/claim.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/files.h"
#include "core/units.h"

namespace cape {
namespace {

constexpr std::chrono::seconds kBeat{30};
constexpr std::time_t kSilentSeconds = 180;

struct Holder {
  std::string grid;
  Part part;
  std::string host;
  pid_t pid = 0;
  std::string started;
};

std::string text_of_this_run(const std::string& grid, Part part) {
  const char* job = std::getenv("SLURM_JOB_ID");
  const nlohmann::json json = {{"grid", grid},
                               {"part", part.index},
                               {"parts", part.count},
                               {"host", host_name()},
                               {"pid", ::getpid()},
                               {"started", utc_now()},
                               {"slurm_job", job == nullptr ? "" : job}};
  return json.dump() + "\n";
}

/// Nothing for a claim that has just gone or is damaged.
std::optional<Holder> read_claim(const std::filesystem::path& file) {
  try {
    const auto json = nlohmann::json::parse(read_file(file));
    return Holder{.grid = json.at("grid"),
                  .part = {json.at("part"), json.at("parts")},
                  .host = json.at("host"),
                  .pid = json.at("pid"),
                  .started = json.at("started")};
  } catch (const UserError&) {
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

/// False for a zombie, too: in a container nobody may wait for it.
bool is_running(pid_t pid) {
  if (pid <= 0 || (::kill(pid, 0) != 0 && errno == ESRCH)) return false;
  std::ifstream stat(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(stat), {}};
  const std::size_t name_end = text.rfind(") ");
  return name_end == std::string::npos || text[name_end + 2] != 'Z';
}

bool is_stale(const std::filesystem::path& file, const Holder& holder) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return true;
  if (std::time(nullptr) - status.st_mtime > kSilentSeconds) return true;
  return holder.host == host_name() && !is_running(holder.pid);
}

bool overlap(Part a, Part b) {
  return a.count != b.count || a.index == b.index;
}

/// The text of a claim under a name that nobody looks for.
struct Draft {
  Draft(const std::filesystem::path& claim, const std::string& text)
      : file(claim.parent_path() /
             fmt::format(".{}.{}", claim.filename().string(), ::getpid())) {
    publish_file(file, text);
  }
  ~Draft() { ::unlink(file.c_str()); }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  std::filesystem::path file;
};

/// Refuses when a live claim overlaps `part`; removes stale ones.
void check_others(const std::filesystem::path& directory,
                  const std::string& name, Part part) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::filesystem::path& file = entry.path();
    if (file.extension() != ".claim") continue;
    const auto holder = read_claim(file);
    if (!holder || holder->grid != name || !overlap(holder->part, part)) {
      continue;
    }
    if (is_stale(file, *holder)) {
      ::unlink(file.c_str());
      continue;
    }
    fail_user(
        "part {} of {} of this grid is being run by process {} on {} since "
        "{}, which overlaps part {} of {}; wait for it or end it (claim: {})",
        holder->part.index, holder->part.count, holder->pid, holder->host,
        holder->started, part.index, part.count, file.string());
  }
}

}  // namespace

Claim::Claim(const std::filesystem::path& directory, const std::string& name,
             Part part)
    : file_(directory /
            fmt::format("{}-{}of{}.claim", name, part.index, part.count)),
      next_beat_(std::chrono::steady_clock::now() + kBeat) {
  check_others(directory, name, part);
  const Draft draft(file_, text_of_this_run(name, part));
  // A link is never made over another: of two runs that come this far at the
  // same moment, one is refused.
  while (::link(draft.file.c_str(), file_.c_str()) != 0) {
    if (errno != EEXIST) {  // a file system without links
      std::filesystem::rename(draft.file, file_);
      break;
    }
    check_others(directory, name, part);
    if (!read_claim(file_)) ::unlink(file_.c_str());  // damaged
  }
}

Claim::~Claim() { ::unlink(file_.c_str()); }

void Claim::heartbeat() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_beat_) return;
  next_beat_ = now + kBeat;
  (void)::utimensat(AT_FDCWD, file_.c_str(), nullptr, 0);
}

}  // namespace cape
