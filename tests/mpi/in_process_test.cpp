#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>
#include <tuple>
#include <vector>

#include "mpi/behaviours.h"

namespace cape::messaging {
namespace {

class InProcess : public ::testing::TestWithParam<std::tuple<Behaviour, int>> {
};

TEST_P(InProcess, Communicator) {
  const auto& [behaviour, size] = GetParam();
  const auto communicators = connect_in_process(size);
  std::vector<std::jthread> ranks;
  ranks.reserve(communicators.size());
  for (const auto& communicator : communicators) {
    ranks.emplace_back([&check = behaviour.check, &communicator] {
      Peer peer(*communicator);
      check(peer);
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, InProcess,
                         ::testing::Combine(::testing::ValuesIn(behaviours()),
                                            ::testing::Values(1, 2, 4)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) +
                                  "On" +
                                  std::to_string(std::get<1>(info.param));
                         });

TEST(ConnectInProcess, NumbersItsRanks) {
  const auto communicators = connect_in_process(3);
  ASSERT_EQ(communicators.size(), 3U);
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(communicators[static_cast<std::size_t>(rank)]->rank(), rank);
    EXPECT_EQ(communicators[static_cast<std::size_t>(rank)]->size(), 3);
  }
}

TEST(Connect, IsAloneWithoutALauncher) {
  for (const char* name :
       {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"}) {
    ::unsetenv(name);
  }
  const auto communicator = connect();
  EXPECT_EQ(communicator->rank(), 0);
  EXPECT_EQ(communicator->size(), 1);
}

}  // namespace
}  // namespace cape::messaging
