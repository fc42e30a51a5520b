#include "core/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace cape {
namespace {

// Our ends are moved above the numbers that the child's ends will have, so that
// moving one in the child cannot overwrite another.
constexpr int kLowestOwn = 10;

// More than a pipe holds, so that the last words of a dead child are read
// completely.
constexpr std::size_t kMostAtOnce = 4 << 20;

struct Pipe {
  FileHandle read_end, write_end;
};

Pipe make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) {
    fail("cannot make a pipe: {}", errno_text(errno));
  }
  Pipe pipe{FileHandle(fds[0]), FileHandle(fds[1])};
  for (FileHandle* end : {&pipe.read_end, &pipe.write_end}) {
    const int moved = ::fcntl(end->get(), F_DUPFD_CLOEXEC, kLowestOwn);
    if (moved < 0) fail("cannot make a pipe: {}", errno_text(errno));
    *end = FileHandle(moved);
  }
  return pipe;
}

void set_non_blocking(const FileHandle& file) {
  ::fcntl(file.get(), F_SETFL, ::fcntl(file.get(), F_GETFL) | O_NONBLOCK);
}

std::vector<std::string> environment_with(
    const std::vector<std::string>& variables) {
  std::vector<std::string> all = variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('=') + 1);
    const bool replaced =
        std::any_of(variables.begin(), variables.end(),
                    [&](const auto& v) { return v.starts_with(name); });
    if (!replaced) all.emplace_back(text);
  }
  return all;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& text : texts) {
    all.push_back(const_cast<char*>(text.c_str()));
  }
  all.push_back(nullptr);
  return all;
}

/// posix_spawn's two argument objects, for one child.
class SpawnPlan {
 public:
  SpawnPlan(int in, int out, int error_out) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, in, Subprocess::kChildIn);
    posix_spawn_file_actions_adddup2(&actions_, out, Subprocess::kChildOut);
    posix_spawn_file_actions_adddup2(&actions_, error_out, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions_,
                                             Subprocess::kChildOut + 1);
    posix_spawnattr_init(&attributes_);
    sigset_t to_groups, all;
    sigemptyset(&to_groups);
    for (const int signal :
         {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2}) {
      sigaddset(&to_groups, signal);
    }
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &to_groups);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  int spawn(pid_t* pid, char* const* arguments, char* const* environment) {
    return ::posix_spawn(pid, arguments[0], &actions_, &attributes_, arguments,
                         environment);
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Subprocess::Subprocess(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& variables) {
  Pipe in = make_pipe();
  Pipe out = make_pipe();
  Pipe error_out = make_pipe();
  SpawnPlan plan(in.read_end.get(), out.write_end.get(),
                 error_out.write_end.get());
  const std::vector<std::string> environment = environment_with(variables);
  const int error = plan.spawn(&pid_, pointers(arguments).data(),
                               pointers(environment).data());
  if (error != 0) {
    fail("cannot start {}: {}", arguments.front(), errno_text(error));
  }
  input_ = std::move(in.write_end);
  output_ = std::move(out.read_end);
  error_output_ = std::move(error_out.read_end);
  for (const FileHandle* file : {&input_, &output_, &error_output_}) {
    set_non_blocking(*file);
  }
}

Subprocess::~Subprocess() { kill(); }

bool Subprocess::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(input_.get(), bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return false;
    // A task is far smaller than a pipe, so a full pipe means that the child
    // hangs.
    pollfd ready{input_.get(), POLLOUT, 0};
    if (::poll(&ready, 1, 1000) <= 0) return false;
  }
  return true;
}

bool Subprocess::drain(FileHandle& pipe, std::string& bytes) {
  if (!pipe.is_open()) return false;
  std::array<char, 65536> buffer;
  std::size_t taken = 0;
  // A child that never stops writing must not keep this loop busy for ever.
  while (taken < kMostAtOnce) {
    const ssize_t got = ::read(pipe.get(), buffer.data(), buffer.size());
    if (got > 0) {
      bytes.append(buffer.data(), static_cast<std::size_t>(got));
      taken += static_cast<std::size_t>(got);
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    pipe.close();
    return false;
  }
  return true;
}

void Subprocess::kill() {
  if (status_ || pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = status;
}

bool Subprocess::was_killed() const {
  return status_ && WIFSIGNALED(*status_) && WTERMSIG(*status_) == SIGKILL;
}

std::optional<std::string> Subprocess::ended() {
  if (!status_) {
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
    status_ = status;
  }
  if (WIFSIGNALED(*status_)) {
    const int signal = WTERMSIG(*status_);
    return fmt::format("killed by signal {} ({})", signal, strsignal(signal));
  }
  return fmt::format("exit code {}", WEXITSTATUS(*status_));
}

}  // namespace cape
