/// What --plan and --status print: the grid and what is done of it.
#pragma once

#include <filesystem>

#include "coordinator/scheduler.h"
#include "core/error.h"
#include "grid/grid.h"

namespace cape {

/// The grid, what of `part` is done in `directory`, and what the rest should
/// cost one trainer.
void print_plan(const Grid& grid, Part part,
                const std::filesystem::path& directory);

/// What `directory` holds of `part`, with failures and unreadable shards.
/// Returns what the run itself would: kExitDone, kExitSomeFailed (done but for
/// failures) or kExitStopped (something is left to do).
ExitCode print_status(const Grid& grid, Part part,
                      const std::filesystem::path& directory);

}  // namespace cape
