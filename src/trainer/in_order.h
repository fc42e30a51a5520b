/// Work in parts, whose results come together in order.
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

namespace cape {

/// consume(produce(i)) for every i below `count`, up to `workers` of them at a
/// time, of which this thread is one; each has an equal share of its Torch
/// threads. Results are consumed one at a time and in order. What a part throws
/// ends the work, and is thrown.
template <class Produce, class Consume>
void in_order(std::int64_t count, std::int64_t workers, const Produce& produce,
              const Consume& consume) {
  workers = std::clamp<std::int64_t>(count, 1, workers);
  // The number is a thread's own, but Torch gives the latest to new threads.
  struct Threads {
    const int before = at::get_num_threads();
    ~Threads() { at::set_num_threads(before); }
  } const threads;
  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;
  std::int64_t consumed = 0;
  std::map<std::int64_t, std::invoke_result_t<const Produce&, std::int64_t>>
      waiting;
  const auto work = [&] {
    at::set_num_threads(
        std::max(1, threads.before / static_cast<int>(workers)));
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

}  // namespace cape
