#include "run/claim.h"

#include <fcntl.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/file_handle.h"
#include "core/files.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/units.h"
#include "run/run_directory.h"
#include "run/slurm_job.h"

namespace cape::run {
namespace {

constexpr std::time_t kSilentSeconds = 180;

struct Holder {
  std::string text;  ///< all of the claim
  grid::Part part;
  std::string host;
  pid_t pid = 0;
  std::string started;
  SlurmJob job;
};

std::string text_of_this_run(const std::string& grid, grid::Part part) {
  const SlurmJob job = this_slurm_job();
  const nlohmann::json json = {
      {"grid", grid},
      {"part", part.index},
      {"parts", part.count},
      {"host", host_name()},
      {"pid", ::getpid()},
      {"started", utc_now()},
      {"slurm_job", job.id},
      {"slurm_restart", job.restart},
      {"nonce", std::chrono::steady_clock::now().time_since_epoch().count()}};
  return json.dump() + "\n";
}

/// Nothing for a claim that has just gone or is damaged.
std::optional<Holder> read_claim(const std::filesystem::path& file) {
  try {
    const std::string text = read_file(file);
    const auto json = nlohmann::json::parse(text);
    return Holder{
        .text = text,
        .part = {whole_number(json.at("part")), whole_number(json.at("parts"))},
        .host = json.at("host"),
        .pid = static_cast<pid_t>(whole_number(json.at("pid"))),
        .started = json.at("started"),
        .job = {json.at("slurm_job"), json.value("slurm_restart", "")}};
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
  if (holder.host == host_name()) return !is_running(holder.pid);
  return has_ended(holder.job);
}

bool overlap(grid::Part a, grid::Part b) {
  return a.count != b.count || a.index == b.index;
}

/// The part that a file claims, by its name: "<grid>-<I>of<N>.claim".
std::optional<grid::Part> claimed_part(const std::string& file,
                                       const std::string& grid) {
  const std::string ending = ".claim";
  if (!file.starts_with(grid + "-") || !file.ends_with(ending)) return {};
  const char* at = file.data() + grid.size() + 1;
  const char* const end = file.data() + file.size() - ending.size();
  grid::Part part;
  const auto index = std::from_chars(at, end, part.index);
  const std::string_view rest(index.ptr, end);
  if (index.ec != std::errc{} || !rest.starts_with("of")) return {};
  const auto count = std::from_chars(index.ptr + 2, end, part.count);
  if (count.ec != std::errc{} || count.ptr != end) return {};
  return part;
}

/// A hidden name beside a claim that is of the run with this text alone.
std::filesystem::path hidden(const std::filesystem::path& claim,
                             const std::string& own) {
  return claim.parent_path() /
         fmt::format(".{}.{}", claim.filename().string(), content_hash(own));
}

/// Removes a stale claim, but no other that has taken its place since: on
/// another host, that is. (Three at the same moment can still err: see the head
/// of claim.h.)
void remove_stale(const std::filesystem::path& file, const std::string& text,
                  const std::string& own) {
  const std::filesystem::path aside = hidden(file, own);
  if (::rename(file.c_str(), aside.c_str()) != 0) return;  // it has gone
  const auto moved = read_claim(aside);
  if (moved && moved->text != text) (void)::link(aside.c_str(), file.c_str());
  ::unlink(aside.c_str());
}

/// Refuses when a live claim other than `own` overlaps `part`; removes stale
/// and damaged ones.
void check_others(const std::filesystem::path& directory,
                  const std::string& name, grid::Part part,
                  const std::string& own) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::filesystem::path& file = entry.path();
    const auto claimed = claimed_part(file.filename().string(), name);
    if (!claimed || !overlap(*claimed, part)) continue;
    const auto holder = read_claim(file);
    if (holder && holder->text == own) continue;
    if (!holder || is_stale(file, *holder)) {
      remove_stale(file, holder ? holder->text : "", own);
      continue;
    }
    fail_user(
        "part {} of {} of this grid is being run by process {} on {}{} since "
        "{}, which overlaps part {} of {}; wait for it or end it (claim: {})",
        holder->part.index, holder->part.count, holder->pid, holder->host,
        holder->job.id.empty() ? "" : " (Slurm job " + holder->job.id + ")",
        holder->started, part.index, part.count, file.string());
  }
}

/// The text of a claim under a name that nobody looks for.
struct Draft {
  Draft(const std::filesystem::path& claim, const std::string& text)
      : file(hidden(claim, text)) {
    publish_file(file, text);
  }
  ~Draft() { ::unlink(file.c_str()); }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  std::filesystem::path file;
};

/// Makes the claim, whole or not at all; false when another has come first.
bool put(const std::filesystem::path& claim, const std::string& text) {
  const Draft draft(claim, text);
  // A link is never made over another.
  if (::link(draft.file.c_str(), claim.c_str()) == 0) return true;
  if (errno == EEXIST || errno == ENOENT) return false;
  // A file system without links.
  return ::rename(draft.file.c_str(), claim.c_str()) == 0;
}

/// Keeps out other runs of this host while it lives; on a file system that
/// cannot lock a directory, nobody.
FileHandle lock(const std::filesystem::path& directory) {
  FileHandle handle = open_file(directory, O_RDONLY | O_DIRECTORY);
  (void)::flock(handle.get(), LOCK_EX);
  return handle;
}

}  // namespace

Claim::Claim(const std::filesystem::path& directory, const std::string& name,
             grid::Part part, std::chrono::milliseconds beat)
    : file_(directory / (part_name(name, part) + ".claim")),
      text_(text_of_this_run(name, part)) {
  const FileHandle locked = lock(directory);
  do {
    check_others(directory, name, part, text_);
  } while (!put(file_, text_));
  try {
    // Another division may have been claimed since.
    check_others(directory, name, part, text_);
  } catch (const UserError&) {
    ::unlink(file_.c_str());
    throw;
  }
  beating_ = std::jthread(
      [this, beat](const std::stop_token& stop) { keep_alive(stop, beat); });
}

Claim::~Claim() {
  beating_.request_stop();
  beating_.join();
  const auto holder = read_claim(file_);
  if (holder && holder->text == text_) ::unlink(file_.c_str());
}

void Claim::keep_alive(const std::stop_token& stop,
                       std::chrono::milliseconds beat) {
  // Signals are for the thread that polls.
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, stop, beat,
                         [&] { return stop.stop_requested(); })) {
    const auto holder = read_claim(file_);
    if (holder && holder->text == text_) {
      (void)::utimensat(AT_FDCWD, file_.c_str(), nullptr, 0);
    } else if (holder) {
      spdlog::warn("process {} on {} has taken over {}", holder->pid,
                   holder->host, file_.string());
      return;
    }
  }
}

}  // namespace cape::run
