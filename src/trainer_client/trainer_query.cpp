#include "trainer_client/trainer_query.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "core/error.h"
#include "trainer_client/trainer_process.h"

namespace cape::trainer_client {
namespace {

/// What `trainer` prints when it is started with `question`.
std::string ask(const std::string& trainer,
                const std::vector<std::string>& question) {
  std::vector<std::string> arguments = {trainer};
  arguments.insert(arguments.end(), question.begin(), question.end());
  arguments.insert(arguments.end(),
                   {"--out", std::to_string(Subprocess::kChildOut)});
  Subprocess process(arguments, {});
  std::string text;
  pollfd ready{process.output(), POLLIN, 0};
  const auto give_up = std::chrono::steady_clock::now() + kPatienceToStart;
  while (process.read_output(text) &&
         std::chrono::steady_clock::now() < give_up) {
    (void)::poll(&ready, 1, 100);
  }
  return text;
}

/// The texts in the list `key` of a JSON object; none where there is no list.
std::vector<std::string> listed(const std::string& text, const char* key) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains(key)) return {};
  return json[key].get<std::vector<std::string>>();
}

}  // namespace

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
  std::int64_t gpus = 0;
  for (const std::string& device :
       listed(ask(trainer, {"--list-devices"}), "devices")) {
    gpus += device.starts_with("cuda") ? 1 : 0;
  }
  return gpus;
}

void set_revisions(grid::Config& config, const std::string& trainer) {
  for (grid::ModelSpec& model : config.grid.models) {
    for (zoo::Architecture& architecture : model.architectures) {
      auto* const network = std::get_if<zoo::TorchScript>(&architecture);
      if (network == nullptr) continue;
      check_trainer(trainer);
      // Each file by itself: one on which the trainer dies changes nothing for
      // the others.
      const std::string answer = ask(trainer, {"--list-tied", network->file});
      if (answer.empty()) {
        spdlog::warn(
            "{}: the trainer died while it loaded this file; leave it out",
            network->file);
      }
      network->revision = listed(answer, "tied").empty() ? 0 : 1;
    }
  }
}

}  // namespace cape::trainer_client
