#include "run/progress.h"

#include <fmt/format.h>
#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "core/units.h"

namespace cape::run {
namespace {

constexpr std::chrono::milliseconds kLivePeriod{200};
constexpr std::chrono::seconds kPlainPeriod{30};
constexpr const char* kClearLine = "\r\033[K";

}  // namespace

bool launcher_on_terminal() {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) {
    return ::isatty(STDERR_FILENO) != 0;
  }
  std::error_code error;
  const std::string target =
      std::filesystem::read_symlink(fmt::format("/proc/{}/fd/2", ::getppid()),
                                    error)
          .string();
  return !error &&
         (target.starts_with("/dev/pts/") || target.starts_with("/dev/tty"));
}

Progress::Progress(ProgressMode mode)
    : live_(mode == ProgressMode::live ||
            (mode == ProgressMode::automatic && launcher_on_terminal())),
      silent_(mode == ProgressMode::none),
      next_(Clock::now() + (live_ ? kLivePeriod : kPlainPeriod)) {
  // A message overwrites the updated line, which is then printed again below
  // it.
  if (live_ && !silent_) {
    spdlog::default_logger()->sinks().front()->set_pattern(
        std::string(kClearLine) + "%^%l%$: %v");
  }
}

void Progress::update(const coordinator::Tally& tally,
                      std::optional<double> eta) {
  const Clock::time_point now = Clock::now();
  if (silent_ || now < next_) return;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const std::string line = progress_line(tally, seconds, eta);
  if (live_) {
    fmt::print(stderr, "{}{}", kClearLine, line);
    std::fflush(stderr);
    line_open_ = true;
    next_ = now + kLivePeriod;
  } else {
    fmt::print(stderr, "{}\n", line);
    next_ = now + kPlainPeriod;
  }
}

void Progress::finish() {
  if (line_open_) fmt::print(stderr, "\n");
  line_open_ = false;
}

std::string progress_line(const coordinator::Tally& tally, double seconds,
                          std::optional<double> eta) {
  const std::int64_t done = tally.done_before + tally.rows + tally.unusable;
  const std::int64_t percent =
      100 * done / std::max<std::int64_t>(tally.total, 1);
  std::string line = fmt::format(
      "{}/{} {} ({} %), {:.1f} {}/s", format_count(done),
      format_count(tally.total), tally.unit, percent,
      static_cast<double>(tally.rows) / std::max(seconds, 1e-3), tally.unit);
  if (tally.all_failed() > 0) {
    line += fmt::format(", {} failed", format_count(tally.all_failed()));
  }
  if (eta) line += fmt::format(", {} left", format_duration(*eta));
  return line;
}

}  // namespace cape::run
