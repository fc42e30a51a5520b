#include "trainer/in_order.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>

namespace cape {
namespace {

using namespace std::chrono_literals;

/// Torch has as many threads while it lives.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) {
    at::set_num_threads(count);
  }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  const int before_;
};

TEST(InOrder, ConsumesInOrderWhateverTheWorkers) {
  const Threads threads(4);
  for (const int workers : {1, 2, 3, 16}) {
    for (const int count : {0, 1, 2, 9}) {
      std::vector<int> expected(static_cast<std::size_t>(count));
      std::iota(expected.begin(), expected.end(), 0);
      std::vector<int> consumed;
      in_order(
          count, workers,
          [](std::int64_t i) {
            // The first are the last to end.
            std::this_thread::sleep_for(std::max<std::int64_t>(3 - i, 0) * 1ms);
            return static_cast<int>(i);
          },
          [&](int i) { consumed.push_back(i); });
      EXPECT_EQ(consumed, expected) << workers;
    }
  }
}

TEST(InOrder, SharesOutTorchsThreads) {
  const Threads threads(6);
  std::set<int> within;
  std::atomic<int> at_once = 0;
  const auto meet = [&](std::int64_t /*i*/) {
    // Until the other is there, too.
    for (++at_once; at_once < 2; std::this_thread::yield()) {
    }
    return at::get_num_threads();
  };
  in_order(2, 2, meet, [&](int count) { within.insert(count); });
  EXPECT_EQ(within, std::set<int>{3});
  EXPECT_EQ(at::get_num_threads(), 6);
}

TEST(InOrder, ThrowsWhatAPartThrewAndStops) {
  const Threads threads(2);
  std::atomic<int> produced = 0;
  std::vector<std::int64_t> consumed;
  const auto produce = [&](std::int64_t i) {
    if (i == 1) throw std::runtime_error("part 1");
    std::this_thread::sleep_for(1ms);
    ++produced;
    return i;
  };
  for (const int workers : {1, 2}) {
    produced = 0;
    consumed.clear();
    EXPECT_THROW(in_order(1000, workers, produce,
                          [&](std::int64_t i) { consumed.push_back(i); }),
                 std::runtime_error);
    EXPECT_LT(produced, 1000);
    EXPECT_EQ(consumed, std::vector<std::int64_t>{0}) << workers;
    EXPECT_EQ(at::get_num_threads(), 2);
  }
}

TEST(InOrder, ThrowsWhatConsumingThrew) {
  const Threads threads(2);
  EXPECT_THROW(in_order(
                   100, 2, [](std::int64_t i) { return i; },
                   [](std::int64_t i) {
                     if (i == 3) throw std::runtime_error("result 3");
                   }),
               std::runtime_error);
  EXPECT_EQ(at::get_num_threads(), 2);
}

}  // namespace
}  // namespace cape
