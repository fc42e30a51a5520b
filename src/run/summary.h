#pragma once

#include <filesystem>
#include <string>

#include "coordinator/coordinator.h"
#include "run/probe_refresh.h"

namespace cape::run {

/// Opens the run in the log.
void log_start(const coordinator::Tally& tally, const std::string& run,
               int ranks);

/// Prints what a run did to standard output: rows, converged, censored, failed,
/// wall time, where; and what to do when it ended early. Closes it in the log.
void print_summary(const coordinator::Coordinator& coordinator, double seconds,
                   const std::filesystem::path& directory);

/// The same of a run that repeated probes: how many rows have a new one, and
/// which are left as they were.
void print_refresh_summary(const coordinator::Coordinator& coordinator,
                           const ProbeRefresh& refresh, double seconds,
                           const std::filesystem::path& directory);

}  // namespace cape::run
