#include "run/handshake.h"

#include <fmt/ranges.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/files.h"
#include "messaging/messages.h"
#include "run/signals.h"
#include "trainer_client/trainer_query.h"

namespace cape::run {
namespace {

using Clock = std::chrono::steady_clock;
// Rank 0 may have data sets and a large directory to read meanwhile.
constexpr std::chrono::minutes kPatience{30};

/// Waits for the next message; only at the start, when there is nothing else
/// to do.
messaging::Message wait_for_message(messaging::Communicator& communicator) {
  const Clock::time_point give_up = Clock::now() + kPatience;
  while (Clock::now() < give_up) {
    if (auto message = communicator.receive()) return *std::move(message);
    std::this_thread::sleep_for(kPollInterval);
  }
  throw StoppedError(fmt::format("no word from other ranks for {} minutes",
                                 kPatience.count()));
}

trainer_client::RankResources inspect(const ResourceQuery& query) {
  return trainer_client::inspect_rank(
      query.device, [&] { return trainer_client::count_gpus(query.trainer); });
}

/// Empty when this rank sees what rank 0 sees.
std::string check_directory(const RunStart& start) {
  const auto token = std::filesystem::path(start.directory) / start.token;
  // A network file system may show a new file late.
  const auto patience = Clock::now() + std::chrono::seconds(10);
  while (!std::filesystem::exists(token)) {
    if (Clock::now() > patience) {
      return fmt::format(
          "{} does not see {}, which rank 0 wrote; all ranks need the same "
          "directory: put --out on a shared file system",
          host_name(), token.string());
    }
    std::this_thread::sleep_for(kPollInterval);
  }
  return "";
}

}  // namespace

std::vector<trainer_client::RankResources> gather_resources(
    messaging::Communicator& communicator, const ResourceQuery& query) {
  std::vector<trainer_client::RankResources> ranks(
      static_cast<std::size_t>(communicator.size()));
  for (int rank = 1; rank < communicator.size(); ++rank) {
    communicator.send(rank, messaging::kTagResourceQuery, encode(query));
  }
  ranks[0] = inspect(query);
  for (int missing = communicator.size() - 1; missing > 0; --missing) {
    const messaging::Message hello = wait_for_message(communicator);
    ranks[static_cast<std::size_t>(hello.source)] =
        decode_rank_resources(hello.body);
  }
  return ranks;
}

void start_ranks(messaging::Communicator& communicator, RunStart start,
                 const trainer_client::PlacementPlan& plan) {
  for (int rank = 1; rank < communicator.size(); ++rank) {
    start.placement = plan.ranks[static_cast<std::size_t>(rank)];
    communicator.send(rank, messaging::kTagStart, encode(start));
  }
  std::set<std::string> problems;
  for (int missing = communicator.size() - 1; missing > 0; --missing) {
    const messaging::Message ready = wait_for_message(communicator);
    if (ready.body.empty()) continue;
    problems.insert(fmt::format("rank {}: {}", ready.source, ready.body));
  }
  if (!problems.empty()) {
    throw UserError(fmt::format("{}", fmt::join(problems, "\n")));
  }
  for (int rank = 1; rank < communicator.size(); ++rank) {
    communicator.send(rank, messaging::kTagStart, "go");
  }
}

std::optional<RunStart> await_start(messaging::Communicator& communicator) {
  const messaging::Message query = wait_for_message(communicator);
  if (query.body.empty()) return std::nullopt;
  communicator.send(0, messaging::kTagHello,
                    encode(inspect(decode_resource_query(query.body))));
  const messaging::Message run = wait_for_message(communicator);
  if (run.body.empty()) return std::nullopt;
  const RunStart start = decode_run_start(run.body);
  communicator.send(0, messaging::kTagReady, check_directory(start));
  if (wait_for_message(communicator).body.empty()) return std::nullopt;
  return start;
}

void dismiss_ranks(messaging::Communicator& communicator) {
  for (int rank = 1; rank < communicator.size(); ++rank) {
    communicator.send(rank, messaging::kTagStart, "");
  }
  leave_together(communicator);
}

void leave_together(messaging::Communicator& communicator) {
  const Clock::time_point since = Clock::now();
  while (!communicator.all_done()) {
    // What was sent meanwhile is taken, so that nothing is left in flight.
    (void)communicator.receive();
    std::this_thread::sleep_for(kPollInterval);
    const bool hurry =
        signalled_to_stop() && Clock::now() > since + kTimeToLeave;
    if (hurry || Clock::now() > since + kPatience) {
      throw StoppedError("the other ranks do not come to their end");
    }
  }
}

}  // namespace cape::run
