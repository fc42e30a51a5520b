/// Tasks that run in parallel, whose results are used in order.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <future>
#include <map>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

namespace cape::trainer {

/// While it lives Torch has `count` threads in this thread. (And in new
/// threads, which take over what was set last, wherever that was.)
class TorchThreads {
 public:
  explicit TorchThreads(int count) { at::set_num_threads(count); }
  ~TorchThreads() { at::set_num_threads(before_); }
  TorchThreads(const TorchThreads&) = delete;
  TorchThreads& operator=(const TorchThreads&) = delete;

 private:
  const int before_ = at::get_num_threads();
};

/// consume(produce(i)) for every i below `count`, up to `workers` of them at a
/// time, of which this thread is one; each has an equal share of its Torch
/// threads. Results are consumed one at a time and in order. What a part throws
/// ends the work, and is thrown.
template <class Produce, class Consume>
void run_parallel_ordered(std::int64_t count, std::int64_t workers,
                          const Produce& produce, const Consume& consume) {
  workers = std::clamp<std::int64_t>(count, 1, workers);
  const int threads = at::get_num_threads();
  const TorchThreads restored(threads);
  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;
  std::int64_t consumed = 0;
  std::map<std::int64_t, std::invoke_result_t<const Produce&, std::int64_t>>
      waiting;
  const auto work = [&] {
    at::set_num_threads(std::max(1, threads / static_cast<int>(workers)));
    try {
      for (std::int64_t i = next++; i < count; i = next++) {
        auto result = produce(i);
        const std::lock_guard lock(mutex);
        waiting.emplace(i, std::move(result));
        while (!waiting.empty() && waiting.begin()->first == consumed) {
          consume(waiting.extract(waiting.begin()).mapped());
          ++consumed;
        }
      }
    } catch (...) {
      next = count;
      throw;
    }
  };
  std::vector<std::future<void>> futures;
  for (std::int64_t w = 1; w < workers; ++w) {
    futures.push_back(std::async(std::launch::async, work));
  }
  futures.push_back(std::async(std::launch::deferred, work));
  futures.back().wait();
  for (std::future<void>& future : futures) future.get();
}

}  // namespace cape::trainer
