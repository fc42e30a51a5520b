/// From what a trainer measured to rows of a shard.
#pragma once

#include <vector>

#include "grid/grid.h"
#include "shard/schema.h"
#include "trial/task.h"

namespace cape {

/// Throws Error when `result` cannot be the answer to `trajectory`'s task: its
/// outcomes must be those that the stopping rule gives for its own losses.
void check_answer(const Trajectory& trajectory, const TrialResult& result);

/// What the rows of a trajectory have in common: all but the outcome and its
/// epsilon. `result` may have no outcome.
shard::Row common_row(const Trajectory& trajectory, const TrialResult& result);

/// One row an epsilon of the task.
std::vector<shard::Row> make_rows(const Trajectory& trajectory,
                                  const TrialResult& result);

}  // namespace cape
