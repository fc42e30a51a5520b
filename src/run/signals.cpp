#include "run/signals.h"

#include <csignal>
#include <initializer_list>

namespace cape::run {
namespace {

volatile std::sig_atomic_t stop_signal = 0;
volatile std::sig_atomic_t drain_signal = 0;

extern "C" void note_signal(int signal) {
  if (signal == SIGUSR1 || signal == SIGUSR2) {
    drain_signal = 1;
  } else {
    stop_signal = 1;
  }
}

}  // namespace

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = note_signal;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    if (before.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
}

bool signalled_to_stop() { return stop_signal != 0; }
bool signalled_to_drain() { return drain_signal != 0; }

}  // namespace cape::run
