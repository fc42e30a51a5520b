// mpi_test RANKS: run by that many ranks at the same time, which go through the
// tests together.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "mpi/behaviours.h"

namespace cape::messaging {
namespace {

Peer* the_peer = nullptr;

class UnderMpirun : public ::testing::TestWithParam<Behaviour> {};

TEST_P(UnderMpirun, Communicator) {
  the_peer->meet();
  GetParam().check(*the_peer);
}

INSTANTIATE_TEST_SUITE_P(Mpi, UnderMpirun, ::testing::ValuesIn(behaviours()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace cape::messaging

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const auto communicator = cape::messaging::connect();
  if (argc != 2 || communicator->size() != std::atoi(argv[1])) {
    fmt::print(stderr, "{} ranks, not {}\n", communicator->size(),
               argc == 2 ? argv[1] : "as many as were named");
    return 1;
  }
  cape::messaging::Peer peer(*communicator);
  cape::messaging::the_peer = &peer;
  const int status = RUN_ALL_TESTS();
  cape::messaging::the_peer = nullptr;
  return status;
}
