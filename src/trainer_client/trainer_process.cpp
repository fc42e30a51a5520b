#include "trainer_client/trainer_process.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <string_view>
#include <utility>

#include "core/error.h"

namespace cape::trainer_client {
namespace {

/// How a program ends whose libraries the loader does not find.
constexpr std::string_view kNotLoaded = "exit code 127";

std::vector<std::string> arguments(const TrainerCommand& command) {
  return {command.program,
          "--in",
          std::to_string(Subprocess::kChildIn),
          "--out",
          std::to_string(Subprocess::kChildOut),
          "--device",
          command.device,
          "--threads",
          std::to_string(command.threads)};
}

/// A pool that was not told would take all cores of the machine. Threads that
/// spin for long while they wait make a trainer with two of them ten times
/// slower where other programs run; those that sleep at once, two times where
/// none do.
std::vector<std::string> pool_settings(std::int64_t threads) {
  const std::string n = std::to_string(threads);
  return {"OMP_NUM_THREADS=" + n, "MKL_NUM_THREADS=" + n, "MKL_DYNAMIC=FALSE",
          "OPENBLAS_NUM_THREADS=" + n, "GOMP_SPINCOUNT=1000"};
}

}  // namespace

TrainerProcess::TrainerProcess(const TrainerCommand& command, std::string label)
    : process_(arguments(command), pool_settings(command.threads)),
      label_(std::move(label)) {}

std::optional<trial::TrainerMessage> TrainerProcess::receive() {
  std::string bytes;
  process_.read_output(bytes);
  reader_.append(bytes);
  while (auto message = reader_.next()) {
    const auto* hello = std::get_if<trial::Hello>(&*message);
    if (hello == nullptr) {
      if (!ready()) fail("the trainer answered before its hello");
      return message;
    }
    if (hello->protocol != trial::kTaskProtocolVersion) {
      fail("the trainer speaks protocol {}, not {}: it is of another build",
           hello->protocol, trial::kTaskProtocolVersion);
    }
    torch_version_ = hello->torch;
  }
  return std::nullopt;
}

std::optional<std::string> TrainerProcess::death() {
  const auto ended = process_.ended();
  if (!ended) return std::nullopt;
  log_errors();
  std::string death = fmt::format("the trainer ended: {}", *ended);
  if (!last_error_line_.empty()) death += "; it said: " + last_error_line_;
  if (*ended == kNotLoaded &&
      last_error_line_.find("torch") != std::string::npos) {
    death += fmt::format(
        "; it was built with the LibTorch in {}: make that readable for this "
        "user, or build again",
        CAPE_LIBTORCH);
  }
  return death;
}

void TrainerProcess::log_errors() {
  process_.read_error_output(error_text_);
  std::size_t begin = 0;
  for (std::size_t end;
       (end = error_text_.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    last_error_line_ = error_text_.substr(begin, end - begin);
    spdlog::warn("{}: {}", label_, last_error_line_);
  }
  error_text_.erase(0, begin);
}

void wait_for_any(const std::vector<const TrainerProcess*>& trainers,
                  std::chrono::milliseconds timeout) {
  std::vector<pollfd> descriptors;
  for (const TrainerProcess* const trainer : trainers) {
    if (trainer == nullptr) continue;
    for (const int fd : trainer->descriptors()) {
      descriptors.push_back({fd, POLLIN, 0});
    }
  }
  (void)::poll(descriptors.data(), descriptors.size(),
               static_cast<int>(timeout.count()));
}

}  // namespace cape::trainer_client
