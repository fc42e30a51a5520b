#include "measure.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <ctime>

namespace cape::bench {
namespace {

// Long enough for the clock, short enough that both functions see the same
// machine.
constexpr double kBlockSeconds = 0.05;

double seconds_a_call(const std::function<void()>& function, int calls) {
  const double begin = cpu_seconds();
  for (int i = 0; i < calls; ++i) function();
  return (cpu_seconds() - begin) / calls;
}

int calls_in_a_block(double seconds) {
  return std::max(1, static_cast<int>(std::ceil(kBlockSeconds / seconds)));
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

std::pair<double, double> interleave(const std::function<void()>& first,
                                     const std::function<void()>& second,
                                     double seconds) {
  const double end = cpu_seconds() + seconds;
  std::vector<double> of_first = {seconds_a_call(first, 1)};
  std::vector<double> of_second = {seconds_a_call(second, 1)};
  const int first_calls = calls_in_a_block(of_first.front());
  const int second_calls = calls_in_a_block(of_second.front());
  while (cpu_seconds() < end) {
    of_first.push_back(seconds_a_call(first, first_calls));
    of_second.push_back(seconds_a_call(second, second_calls));
  }
  return {median(of_first), median(of_second)};
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
          seconds_a_call([&] { torch::mm_out(product, a, b); }, 1);
      best = std::max(best, 1e-9 * flops / seconds);
    }
  }
  return best;
}

}  // namespace cape::bench
