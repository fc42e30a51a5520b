#include "trainer_client/trainer_process.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>

#include <csignal>

#include "core/error.h"
#include "core/files.h"
#include "trainer_client/placement.h"
#include "trainer_client/support.h"
#include "trainer_client/trainer_query.h"
#include "trial/protocol.h"

namespace cape::trainer_client {
namespace {

using testing::HasSubstr;

class TrainerProcessTest : public testing::Test {
 protected:
  TrainerProcessTest() { std::signal(SIGPIPE, SIG_IGN); }

  /// What the trainer sends next; its death is a failure.
  static trial::TrainerMessage next(TrainerProcess& trainer) {
    while (true) {
      if (auto message = trainer.receive()) return *message;
      if (const auto death = trainer.death()) {
        ADD_FAILURE() << *death;
        return trial::Failure{};
      }
      pollfd ready{trainer.descriptors().front(), POLLIN, 0};
      ::poll(&ready, 1, 100);
    }
  }

  static std::string death_of(TrainerProcess& trainer) {
    while (true) {
      if (auto death = trainer.death()) return *death;
      ::poll(nullptr, 0, 1);
    }
  }

  trial::TrialTask task() const { return grid_.trajectory(0, 1).task; }

  grid::Grid grid_ = small_grid();
  LogCapture log_;
};

TEST_F(TrainerProcessTest, MeasuresOneTaskAfterTheOther) {
  TrainerProcess trainer({.program = kFakeTrainer, .device = "cpu"}, "t");
  EXPECT_FALSE(trainer.ready());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(trainer.send(task()));
    const trial::TrainerMessage message = next(trainer);
    ASSERT_TRUE(std::holds_alternative<trial::TrialResult>(message));
    EXPECT_EQ(std::get<trial::TrialResult>(message).trajectory,
              task().trajectory);
  }
  EXPECT_TRUE(trainer.ready());
  EXPECT_EQ(trainer.torch_version(), "0.0-fake");
}

TEST_F(TrainerProcessTest, TellsItsDeviceAndTheSizeOfEveryThreadPool) {
  TrainerProcess trainer(
      {.program = kFakeTrainer, .device = "cuda:3", .threads = 5}, "t");
  trainer.send(task());
  const trial::TrainerMessage message = next(trainer);
  EXPECT_EQ(std::get<trial::TrialResult>(message).device, "cuda:3");
  EXPECT_EQ(std::get<trial::TrialResult>(message).threads, 5);
  const std::string environment =
      read_file(fmt::format("/proc/{}/environ", trainer.pid()));
  for (const char* pool : {"OMP", "MKL", "OPENBLAS"}) {
    EXPECT_THAT(environment, HasSubstr(fmt::format("{}_NUM_THREADS=5", pool)));
  }
  EXPECT_THAT(environment, HasSubstr("GOMP_SPINCOUNT=1000"));
}

TEST_F(TrainerProcessTest, RunsOnTheCpusOfItsWorker) {
  cpu_set_t all, one;
  ASSERT_EQ(::sched_getaffinity(0, sizeof all, &all), 0);
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &all)) --last;
  use_cpus({last});
  const TrainerProcess trainer({.program = kFakeTrainer, .device = "cpu"}, "t");
  ASSERT_EQ(::sched_getaffinity(trainer.pid(), sizeof one, &one), 0);
  EXPECT_EQ(CPU_COUNT(&one), 1);
  EXPECT_TRUE(CPU_ISSET(last, &one));
  ASSERT_EQ(::sched_setaffinity(0, sizeof all, &all), 0);
}

TEST_F(TrainerProcessTest, SaysHowItDiedAndItsLastWords) {
  const Variable wish("FAKE_TRAINER", "exit7");
  TrainerProcess trainer({.program = kFakeTrainer, .device = "cpu"}, "t");
  EXPECT_EQ(trainer.death(), std::nullopt);
  trainer.send(task());
  EXPECT_EQ(death_of(trainer),
            "the trainer ended: exit code 7; it said: last words");
  EXPECT_FALSE(trainer.send(task()));
}

TEST_F(TrainerProcessTest, GoesWithTheObject) {
  {
    const Variable wish("FAKE_TRAINER", "hang");
    TrainerProcess trainer({.program = kFakeTrainer, .device = "cpu"}, "t");
    trainer.send(task());
  }
  EXPECT_TRUE(has_no_children());
}

TEST(TrainerQueryTest, AsksForTheVersionOfTorch) {
  EXPECT_EQ(ask_torch_version(kFakeTrainer), "0.0-fake");
  EXPECT_TRUE(has_no_children());
}

TEST(TrainerQueryTest, CountsGpusAmongTheDevices) {
  const TemporaryDirectory folder;
  EXPECT_EQ(count_gpus(kFakeTrainer), 0);
  const std::string two = write_script(
      folder.path() / "two",
      R"(echo '{"torch": "2", "devices": ["cpu", "cuda:0", "cuda:1"]}' >&4)");
  EXPECT_EQ(count_gpus(two), 2);
  EXPECT_EQ(count_gpus(write_script(folder.path() / "no", "exit 1")), 0);
  EXPECT_TRUE(has_no_children());
}

/// Why the farm would not start with the fake trainer wished so.
std::string error_message(const std::string& wish) {
  const Variable variable("FAKE_TRAINER", wish);
  const LogCapture log;
  try {
    ask_torch_version(kFakeTrainer);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(TrainerQueryTest, ATrainerThatDoesNotStartIsTheUsersToMend) {
  EXPECT_THAT(error_message("exit_at_start"),
              HasSubstr("exit code 9; it said: cannot load its libraries"));
  EXPECT_THAT(error_message("wrong_protocol"),
              HasSubstr(fmt::format("protocol {}, not {}",
                                    trial::kTaskProtocolVersion + 1,
                                    trial::kTaskProtocolVersion)));
  EXPECT_THROW(ask_torch_version("/nowhere/cape_trainer"), UserError);
}

TEST(TrainerQueryTest, ATrainerWithoutItsLibTorchSaysWhereThatShouldBe) {
  const TemporaryDirectory folder;
  const std::string program = write_script(
      folder.path() / "trainer",
      "echo 'trainer: error while loading shared libraries: libtorch_cpu.so: "
      "cannot open shared object file' >&2; exit 127");
  const LogCapture log;
  try {
    ask_torch_version(program);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("it was built with the LibTorch in"));
  }
}

}  // namespace
}  // namespace cape::trainer_client
