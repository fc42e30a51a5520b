#include "measure.h"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <exception>

#include "core/error.h"
#include "models/torch.h"

namespace cape::bench {
namespace {

// Long enough for the clock, short enough that both functions see the same
// machine.
constexpr double kBlockSeconds = 0.05;

double seconds_per_call(const std::function<void()>& function, int calls) {
  const double begin = cpu_seconds();
  for (int i = 0; i < calls; ++i) function();
  return (cpu_seconds() - begin) / calls;
}

int calls_per_block(double seconds) {
  return std::max(1, static_cast<int>(std::ceil(kBlockSeconds / seconds)));
}

/// glibc's own limits, where those that adapt have adapted: what programs have
/// that do not set any.
void allocate_as_usual() {
  mallopt(M_MMAP_MAX, 65536);
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  mallopt(M_TOP_PAD, 128 << 10);
}

/// A function that is called in a process of its own, a fork of this one.
class ForkedFunction {
 public:
  explicit ForkedFunction(const std::function<void()>& function) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe(in.data()) != 0 || ::pipe(out.data()) != 0)
      fail("no pipe: {}", errno_text(errno));
    child_ = ::fork();
    if (child_ < 0) fail("no fork: {}", errno_text(errno));
    orders_ = child_ == 0 ? in[0] : in[1];
    answers_ = child_ == 0 ? out[1] : out[0];
    ::close(child_ == 0 ? in[1] : in[0]);
    ::close(child_ == 0 ? out[0] : out[1]);
    if (child_ == 0) serve(function);
  }
  ~ForkedFunction() {
    ::close(orders_);  // ends serve()
    ::close(answers_);
    ::waitpid(child_, nullptr, 0);
  }
  ForkedFunction(const ForkedFunction&) = delete;
  ForkedFunction& operator=(const ForkedFunction&) = delete;

  double seconds_per_call(int calls) const {
    double seconds = 0;
    if (::write(orders_, &calls, sizeof calls) != sizeof calls ||
        ::read(answers_, &seconds, sizeof seconds) != sizeof seconds) {
      fail("the process of the other side has ended");
    }
    return seconds;
  }

 private:
  [[noreturn]] void serve(const std::function<void()>& function) const {
    int calls = 0;
    try {
      allocate_as_usual();
      while (::read(orders_, &calls, sizeof calls) == sizeof calls) {
        const double seconds = bench::seconds_per_call(function, calls);
        if (::write(answers_, &seconds, sizeof seconds) != sizeof seconds) {
          break;
        }
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    ::_exit(0);
  }

  pid_t child_ = 0;
  int orders_ = 0;
  int answers_ = 0;
};

/// Of seconds a call over blocks that alternate until they took `seconds`; each
/// of `timed` takes the number of calls and gives the seconds a call.
std::vector<double> medians(
    const std::vector<std::function<double(int)>>& timed, double seconds) {
  std::vector<int> calls;
  std::vector<std::vector<double>> blocks;
  double spent = 0;
  for (const auto& function : timed) {
    blocks.push_back({function(1)});
    calls.push_back(calls_per_block(blocks.back().front()));
    spent += blocks.back().front();
  }
  while (spent < seconds) {
    for (std::size_t i = 0; i < timed.size(); ++i) {
      blocks[i].push_back(timed[i](calls[i]));
      spent += blocks[i].back() * calls[i];
    }
  }
  std::vector<double> result;
  for (auto& block : blocks) result.push_back(median(std::move(block)));
  return result;
}

}  // namespace

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  const auto middle =
      values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::vector<double> interleave(
    const std::vector<std::function<void()>>& functions, double seconds) {
  std::vector<std::function<double(int)>> timed;
  for (const auto& function : functions) {
    timed.push_back(
        [&](int calls) { return seconds_per_call(function, calls); });
  }
  return medians(timed, seconds);
}

std::pair<double, double> compare_sides(const std::function<void()>& plain,
                                        const std::function<void()>& engine,
                                        double seconds) {
  const ForkedFunction forked(plain);
  const std::vector<double> both =
      medians({[&](int calls) { return forked.seconds_per_call(calls); },
               [&](int calls) { return seconds_per_call(engine, calls); }},
              seconds);
  return {both[0], both[1]};
}

double sgemm_gflops() {
  double best = 0;
  for (const std::int64_t size : {1024, 1536, 2048}) {
    const torch::Tensor a = torch::rand({size, size});
    const torch::Tensor b = torch::rand({size, size});
    torch::Tensor product = torch::empty({size, size});
    const double flops = 2 * std::pow(static_cast<double>(size), 3);
    for (int i = 0; i < 3; ++i) {
      const double seconds =
          seconds_per_call([&] { torch::mm_out(product, a, b); }, 1);
      best = std::max(best, 1e-9 * flops / seconds);
    }
  }
  return best;
}

}  // namespace cape::bench
