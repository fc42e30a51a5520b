#include "trainer/parallel_ordered.h"
#include "models/torch.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>

namespace cape::trainer {
namespace {

void wait_for(const std::atomic<int>& count, int least) {
  while (count < least) std::this_thread::yield();
}

TEST(ParallelOrdered, ConsumesInOrderWhateverTheWorkers) {
  const TorchThreads threads(4);
  for (const int workers : {1, 2, 3, 16}) {
    for (const int count : {0, 1, 2, 9}) {
      std::vector<int> expected(static_cast<std::size_t>(count));
      std::iota(expected.begin(), expected.end(), 0);
      std::vector<int> consumed;
      std::atomic<int> produced = 0;
      run_parallel_ordered(
          count, workers,
          [&](std::int64_t i) {
            // Others end before the first where there are any beside it.
            if (i == 0) wait_for(produced, std::min({workers, count, 2}) - 1);
            ++produced;
            return static_cast<int>(i);
          },
          [&](int i) { consumed.push_back(i); });
      EXPECT_EQ(consumed, expected) << workers;
    }
  }
}

TEST(ParallelOrdered, SharesOutTorchsThreads) {
  const TorchThreads threads(6);
  std::set<int> within;
  std::atomic<int> at_once = 0;
  const auto meet = [&](std::int64_t /*i*/) {
    ++at_once;
    wait_for(at_once, 2);
    return at::get_num_threads();
  };
  run_parallel_ordered(2, 2, meet, [&](int count) { within.insert(count); });
  EXPECT_EQ(within, std::set<int>{3});
  EXPECT_EQ(at::get_num_threads(), 6);
}

TEST(ParallelOrdered, ThrowsWhatAPartThrewAndStops) {
  constexpr int kParts = 10'000'000;  // seconds of them
  const TorchThreads threads(2);
  std::atomic<int> produced = 0;
  std::vector<std::int64_t> consumed;
  const auto produce = [&](std::int64_t i) {
    if (i == 1) throw std::runtime_error("part 1");
    ++produced;
    return i;
  };
  for (const int workers : {1, 2}) {
    produced = 0;
    consumed.clear();
    EXPECT_THROW(
        run_parallel_ordered(kParts, workers, produce,
                             [&](std::int64_t i) { consumed.push_back(i); }),
        std::runtime_error);
    EXPECT_LT(produced, kParts);
    EXPECT_EQ(consumed, std::vector<std::int64_t>{0}) << workers;
    EXPECT_EQ(at::get_num_threads(), 2);
  }
}

TEST(ParallelOrdered, ThrowsWhatConsumingThrew) {
  const TorchThreads threads(2);
  EXPECT_THROW(run_parallel_ordered(
                   100, 2, [](std::int64_t i) { return i; },
                   [](std::int64_t i) {
                     if (i == 3) throw std::runtime_error("result 3");
                   }),
               std::runtime_error);
  EXPECT_EQ(at::get_num_threads(), 2);
}

}  // namespace
}  // namespace cape::trainer
