// What a rank costs that has nothing to do: the CPU time of a loop that asks
// for messages every 10 ms, and of the same loop without messages.
//
//   mpirun -n 2 --oversubscribe bench_waiting_rank
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>

#include <chrono>

#include "messaging/communicator.h"

namespace cape::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTurns = 500;
constexpr int kTurnMilliseconds = 10;

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         1e-6 * static_cast<double>(time.tv_usec);
}

/// Seconds of this process on a CPU, all its threads together.
double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// CPU time over wall time of turns that do `work` and wait.
template <class Work>
double share_of_a_core(const Work& work) {
  const Clock::time_point begin = Clock::now();
  const double cpu_begin = cpu_seconds();
  for (int turn = 0; turn < kTurns; ++turn) {
    work();
    ::poll(nullptr, 0, kTurnMilliseconds);
  }
  const double cpu = cpu_seconds() - cpu_begin;
  return cpu / std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace
}  // namespace cape::bench

int main() {
  const auto communicator = cape::messaging::connect();
  const double bare = cape::bench::share_of_a_core([] {});
  const double waiting =
      cape::bench::share_of_a_core([&] { (void)communicator->receive(); });
  fmt::print("rank {} of {}: {:.2f} % of a core; without messages {:.2f} %\n",
             communicator->rank(), communicator->size(), 100 * waiting,
             100 * bare);
  while (!communicator->all_done()) ::poll(nullptr, 0, 1);
  return 0;
}
