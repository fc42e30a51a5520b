/// Work in parts, whose results come together in order.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <future>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace cape {

/// consume(produce(i)) for every i below `count`, `workers` at a time, among
/// which Torch's threads are shared out. Results are consumed one at a time and
/// in order, so they do not depend on the workers. What a part throws ends the
/// work, and is thrown.
template <class Produce, class Consume>
void in_order(std::int64_t count, std::int64_t workers, const Produce& produce,
              const Consume& consume) {
  workers = std::min(workers, count);
  if (workers <= 1) {
    for (std::int64_t i = 0; i < count; ++i) consume(produce(i));
    return;
  }
  const int threads = at::get_num_threads();
  std::atomic<std::int64_t> next = 0;
  std::mutex mutex;
  std::int64_t consumed = 0;
  std::map<std::int64_t, decltype(produce(next))> waiting;
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
  for (std::int64_t w = 0; w < workers; ++w) {
    futures.push_back(std::async(std::launch::async, work));
  }
  for (const auto& future : futures) future.wait();
  // A thread's own, but Torch gives the last to threads it meets later.
  at::set_num_threads(threads);
  for (auto& future : futures) future.get();
}

}  // namespace cape
