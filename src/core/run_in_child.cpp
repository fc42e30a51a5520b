#include "core/run_in_child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace cape {
namespace {

/// In the copy no signal handler runs or waits, and no core file is written.
void prepare_to_crash(unsigned seconds) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU}) {
    ::signal(signal, SIG_DFL);
  }
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  ::dup2(nowhere, STDERR_FILENO);
  const rlimit no_core = {0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const rlimit time = {seconds, seconds + 1};
  ::setrlimit(RLIMIT_CPU, &time);
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("cannot wait: {}", errno_text(errno));
  }
  return status;
}

}  // namespace

std::optional<std::string> run_in_child(const std::function<void()>& body,
                                        unsigned seconds) {
  const pid_t child = ::fork();
  if (child < 0) fail("cannot fork: {}", errno_text(errno));
  if (child == 0) {
    prepare_to_crash(seconds);
    try {
      body();
    } catch (...) {  // the caller will see it when it runs the body itself
    }
    ::_exit(0);
  }
  const int status = wait_for(child);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
    return fmt::format("it takes more than {} s", seconds);
  }
  if (WIFSIGNALED(status)) {
    return fmt::format("killed by signal {} ({})", WTERMSIG(status),
                       ::strsignal(WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) == 0) return std::nullopt;
  return fmt::format("exit code {}", WEXITSTATUS(status));
}

}  // namespace cape
