#include "run/handshake.h"

#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "core/error.h"
#include "core/files.h"
#include "messaging/messages.h"
#include "run/signals.h"
#include "trainer_client/trainer_query.h"

namespace cape {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kTurn{10};
constexpr std::chrono::milliseconds kTimeToLeave{500};
// Rank 0 may have data sets and a large directory to read meanwhile.
constexpr std::chrono::minutes kPatience{30};

/// Waits for the next message; only at the start, when there is nothing else
/// to do.
Message wait_for_message(Communicator& communicator) {
  const Clock::time_point give_up = Clock::now() + kPatience;
  while (Clock::now() < give_up) {
    if (auto message = communicator.receive()) return *std::move(message);
    std::this_thread::sleep_for(kTurn);
  }
  throw StoppedError(fmt::format("no word from other ranks for {} minutes",
                                 kPatience.count()));
}

RankResources inspect(const Look& look) {
  return inspect_rank(look.device, [&] { return count_gpus(look.trainer); });
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
    std::this_thread::sleep_for(kTurn);
  }
  return "";
}

}  // namespace

std::vector<RankResources> gather_resources(Communicator& communicator,
                                            const Look& look) {
  std::vector<RankResources> ranks(
      static_cast<std::size_t>(communicator.size()));
  for (int rank = 1; rank < communicator.size(); ++rank) {
    communicator.send(rank, kTagLook, encode(look));
  }
  ranks[0] = inspect(look);
  for (int missing = communicator.size() - 1; missing > 0; --missing) {
    const Message hello = wait_for_message(communicator);
    ranks[static_cast<std::size_t>(hello.source)] =
        decode_rank_resources(hello.body);
  }
  return ranks;
}

void start_ranks(Communicator& communicator, RunStart start,
                 const PlacementPlan& plan) {
  for (int rank = 1; rank < communicator.size(); ++rank) {
    start.placement = plan.ranks[static_cast<std::size_t>(rank)];
    communicator.send(rank, kTagStart, encode(start));
  }
  std::set<std::string> problems;
  for (int missing = communicator.size() - 1; missing > 0; --missing) {
    const Message ready = wait_for_message(communicator);
    if (ready.body.empty()) continue;
    problems.insert(fmt::format("rank {}: {}", ready.source, ready.body));
  }
  if (!problems.empty()) {
    throw UserError(fmt::format("{}", fmt::join(problems, "\n")));
  }
  for (int rank = 1; rank < communicator.size(); ++rank) {
    communicator.send(rank, kTagStart, "go");
  }
}

std::optional<RunStart> await_start(Communicator& communicator) {
  const Message look = wait_for_message(communicator);
  if (look.body.empty()) return std::nullopt;
  communicator.send(0, kTagHello, encode(inspect(decode_look(look.body))));
  const Message run = wait_for_message(communicator);
  if (run.body.empty()) return std::nullopt;
  const RunStart start = decode_run_start(run.body);
  communicator.send(0, kTagReady, check_directory(start));
  if (wait_for_message(communicator).body.empty()) return std::nullopt;
  return start;
}

void dismiss_ranks(Communicator& communicator) {
  for (int rank = 1; rank < communicator.size(); ++rank) {
    communicator.send(rank, kTagStart, "");
  }
  leave_together(communicator);
}

void leave_together(Communicator& communicator) {
  const Clock::time_point since = Clock::now();
  while (!communicator.all_done()) {
    // What was sent meanwhile is taken, so that nothing is left in flight.
    (void)communicator.receive();
    std::this_thread::sleep_for(kTurn);
    const bool hurry =
        signalled_to_stop() && Clock::now() > since + kTimeToLeave;
    if (hurry || Clock::now() > since + kPatience) {
      throw StoppedError("the other ranks do not come to their end");
    }
  }
}

}  // namespace cape
