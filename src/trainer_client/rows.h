/// From what a trainer measured to rows of a shard.
#pragma once

#include <vector>

#include "grid/workload.h"
#include "shard/schema.h"
#include "trial/task.h"

namespace cape {

/// Throws Error when `result` cannot be the answer to `trajectory`'s task: its
/// outcomes must be those that the stopping rule gives for its own losses.
void check_answer(const Trajectory& trajectory, const TrialResult& result);

/// A row that says everything but how the training came out. `result` may have
/// no outcome.
shard::Row row_without_outcome(const Trajectory& trajectory,
                               const TrialResult& result,
                               const Criterion& criterion);

/// The criterion whose outcome a row is.
Criterion criterion_of(const shard::Row& row);

/// One row for each outcome.
std::vector<shard::Row> make_rows(const Trajectory& trajectory,
                                  const TrialResult& result);

/// Puts what the probe measured in place of what the row has of it.
void add_probe(const TrialResult& result, shard::Row& row);

}  // namespace cape
