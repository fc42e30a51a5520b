/// How ranks begin and end a run together.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "messaging/communicator.h"
#include "run/run_start.h"
#include "trainer_client/placement.h"

namespace cape::run {

/// How long a rank waits for a message before it looks at the rest.
constexpr std::chrono::milliseconds kPollInterval{10};
/// How long a rank may take to leave after a signal: mpirun kills its ranks a
/// second after it has passed on a SIGTERM.
constexpr std::chrono::milliseconds kTimeToLeave{500};

/// Rank 0: what every rank sees of its machine, by rank.
std::vector<trainer_client::RankResources> gather_resources(
    messaging::Communicator& communicator, const ResourceQuery& query);

/// Rank 0: tells every rank what to do and waits until all can. Throws
/// UserError with what every rank has against it.
void start_ranks(messaging::Communicator& communicator, RunStart start,
                 const trainer_client::PlacementPlan& plan);

/// Every other rank: the run that it is to take part in; nothing when it is to
/// leave.
std::optional<RunStart> await_start(messaging::Communicator& communicator);

/// Sends the other ranks home when rank 0 has nothing for them, and waits for
/// them, as MPI wants it.
void dismiss_ranks(messaging::Communicator& communicator);

/// The end of a run that has published everything. Throws StoppedError when
/// there is no time to wait for the other ranks.
void leave_together(messaging::Communicator& communicator);

}  // namespace cape::run
