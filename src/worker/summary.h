#pragma once

#include <filesystem>

#include "coordinator/coordinator.h"

namespace cape {

/// Prints what a run did to standard output: rows, converged, censored, failed,
/// wall time, where; and what to do when it ended early.
void print_summary(const Coordinator& coordinator, double seconds,
                   const std::filesystem::path& directory);

}  // namespace cape
