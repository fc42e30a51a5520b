/// One cape_trainer: a child process that measures one trajectory at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/subprocess.h"
#include "trial/protocol.h"

namespace cape::trainer_client {

struct TrainerCommand {
  std::string program;  ///< path of cape_trainer
  std::string device;   ///< "cpu", "cuda:0"
  std::int64_t threads = 1;
};

/// For its first word: LibTorch may come from a cold network disk.
inline constexpr std::chrono::seconds kPatienceToStart{120};

class TrainerProcess {
 public:
  /// Starts it, with all thread pools told their size; `label` names it in the
  /// log. Throws Error when it cannot be started.
  TrainerProcess(const TrainerCommand& command, std::string label);

  /// Hands it a task; false when it no longer listens.
  bool send(const trial::TrialTask& task) {
    return process_.write(encode(task));
  }

  /// The next result or failure it sent; its hello is checked and kept here.
  /// Throws Error for garbage and for another protocol version.
  std::optional<trial::TrainerMessage> receive();

  /// Why it is gone, with the last thing it said; nothing while it lives.
  std::optional<std::string> death();

  /// True when it died of SIGKILL, as the kernel ends what eats all memory.
  bool was_killed() const { return process_.was_killed(); }

  /// True once it has said hello.
  bool ready() const { return !torch_version_.empty(); }
  const std::string& torch_version() const { return torch_version_; }

  /// What it printed to standard error goes to the log.
  void log_errors();

  /// Non-blocking descriptors for poll(); -1 when closed.
  std::vector<int> descriptors() const {
    return {process_.output(), process_.error_output()};
  }

  pid_t pid() const { return process_.pid(); }

 private:
  Subprocess process_;
  std::string label_;
  trial::TrainerMessageReader reader_;
  std::string torch_version_;  ///< from its hello
  std::string error_text_;     ///< the line that has not ended
  std::string last_error_line_;
};

/// Waits until one of them says something or dies, at most so long; those that
/// are not there (null) are passed over.
void wait_for_any(const std::vector<const TrainerProcess*>& trainers,
                  std::chrono::milliseconds timeout);

}  // namespace cape::trainer_client
