/// A child process that this process talks to over two pipes. A third pipe
/// brings the child's standard error.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_handle.h"

namespace cape {

class Subprocess {
 public:
  /// The child's ends of the pipes: it reads from kChildIn and writes to
  /// kChildOut. All other descriptors of this process are closed in the child.
  static constexpr int kChildIn = 3;
  static constexpr int kChildOut = 4;

  /// Starts `arguments` (the program's path first) with `variables`
  /// ("NAME=value") added to this process's environment, and with default
  /// signal handling. The signals that a terminal or a launcher sends to whole
  /// process groups are blocked in the child: only its owner decides when it
  /// ends. Throws Error when it cannot be started.
  Subprocess(const std::vector<std::string>& arguments,
             const std::vector<std::string>& variables);
  /// Kills the child if it still runs, and reaps it.
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  pid_t pid() const { return pid_; }

  /// Non-blocking descriptors for poll().
  int output() const { return output_.get(); }
  int error_output() const { return error_output_.get(); }

  /// Writes all of `bytes`; false when the child no longer reads. SIGPIPE must
  /// be ignored.
  bool write(std::string_view bytes);

  /// Appends what has arrived, a few MB at most. Returns false at the end of
  /// the pipe.
  bool read_output(std::string& bytes) { return drain(output_, bytes); }
  bool read_error_output(std::string& bytes) {
    return drain(error_output_, bytes);
  }

  /// Sends SIGKILL, then waits for the end, which follows at once.
  void kill();

  /// "exit code 3", "killed by signal 9 (Killed)"; nothing while it runs.
  std::optional<std::string> ended();

  /// True when it has ended by SIGKILL.
  bool was_killed() const;

 private:
  static bool drain(FileHandle& pipe, std::string& bytes);

  pid_t pid_ = -1;
  FileHandle input_, output_, error_output_;
  std::optional<int> status_;
};

}  // namespace cape
