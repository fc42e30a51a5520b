/// Errors and exit codes. A UserError is about something that the user can
/// correct (exit code 2); it says what was wrong, what was found and what to
/// do. Every other Error is a failure of the system and says what was being
/// done.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace cape {

enum ExitCode : int {
  kExitDone = 0,
  kExitInternal = 1,    ///< a bug, or something not foreseen
  kExitUsage = 2,       ///< command line, configuration or input
  kExitSomeFailed = 3,  ///< finished, some trials failed
  kExitStopped = 75,    ///< stopped early; run the same command again
};

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  virtual ExitCode exit_code() const { return kExitInternal; }
};

/// Wrong command line, configuration or input.
class UserError : public Error {
 public:
  using Error::Error;
  ExitCode exit_code() const override { return kExitUsage; }
};

/// The work cannot go on now but can be resumed: full disk, lost peer.
class StoppedError : public Error {
 public:
  using Error::Error;
  ExitCode exit_code() const override { return kExitStopped; }
};

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void fail_user(fmt::format_string<Args...> format,
                            Args&&... args) {
  throw UserError(fmt::format(format, std::forward<Args>(args)...));
}

/// "No space left on device" for ENOSPC, and so on.
std::string errno_text(int error_number);

/// Ends the process at once, as _exit does: nothing is waited for or destroyed.
/// But what was printed is written out first, since a pipe or a file would lose
/// it.
[[noreturn]] void exit_at_once(int code);

/// Runs `body`, prints what it throws to stderr as "<program>: error: ..." and
/// returns the exit code. This is all that a main() does beside parsing the
/// command line and calling.
/// Arguments that are not UTF-8 are refused.
int guarded_main(const char* program, int (*body)(int, char**), int argc,
                 char** argv);

}  // namespace cape
