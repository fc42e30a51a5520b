#include "trainer_client/trainer_query.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "trainer_client/trainer_process.h"

namespace cape::trainer_client {

void check_trainer(const std::string& trainer) {
  if (::access(trainer.c_str(), X_OK) == 0) return;
  fail_user(
      "cannot run {}: {}; build it (CAPE_WITH_TORCH=ON) or name another "
      "with --trainer",
      trainer, errno_text(errno));
}

std::string ask_torch_version(const std::string& trainer) {
  check_trainer(trainer);
  TrainerProcess process({.program = trainer, .device = "cpu"},
                         "first trainer");
  const auto give_up = std::chrono::steady_clock::now() + kPatienceToStart;
  while (std::chrono::steady_clock::now() < give_up) {
    try {
      (void)process.receive();
    } catch (const Error& error) {
      fail_user("{} is no cape_trainer of this build: {}", trainer,
                error.what());
    }
    if (process.ready()) return process.torch_version();
    if (const auto death = process.death()) {
      fail_user("{} does not start; {}", trainer, *death);
    }
    pollfd ready{process.descriptors().front(), POLLIN, 0};
    (void)::poll(&ready, 1, 100);
  }
  fail_user("{} says nothing for {} s", trainer, kPatienceToStart.count());
}

std::int64_t count_gpus(const std::string& trainer) {
  // Whoever needs the trainer says that it is missing.
  if (::access(trainer.c_str(), X_OK) != 0) return 0;
  Subprocess process({trainer, "--list-devices", "--out",
                      std::to_string(Subprocess::kChildOut)},
                     {});
  std::string text;
  pollfd ready{process.output(), POLLIN, 0};
  const auto give_up = std::chrono::steady_clock::now() + kPatienceToStart;
  while (process.read_output(text) &&
         std::chrono::steady_clock::now() < give_up) {
    (void)::poll(&ready, 1, 100);
  }
  const auto json = nlohmann::json::parse(text, nullptr, false);
  std::int64_t gpus = 0;
  if (json.is_object() && json.contains("devices")) {
    for (const std::string device : json["devices"]) {
      gpus += device.starts_with("cuda") ? 1 : 0;
    }
  }
  return gpus;
}

}  // namespace cape::trainer_client
