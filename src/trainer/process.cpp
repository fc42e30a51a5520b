#include "trainer/process.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include "core/error.h"

namespace cape::trainer {

void become_trainer_process() {
  if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    fail("cannot send stdout to stderr ({})", errno_text(errno));
  }
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) {
    std::signal(signal, SIG_IGN);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Where /proc is not as on Linux, nothing is lost.
  std::ofstream("/proc/self/oom_score_adj") << 500;
}

}  // namespace cape::trainer
