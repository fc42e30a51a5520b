/// From what a trainer measured to rows of a shard.
#pragma once

#include <vector>

#include "grid/workload.h"
#include "shard/curve.h"
#include "shard/schema.h"
#include "trial/task.h"

namespace cape::trainer_client {

/// Throws Error when `result` does not belong to the task of `trajectory`, or
/// when its outcomes are not those that the stopping rule gives for its losses.
void validate_result(const grid::Trajectory& trajectory,
                     const trial::TrialResult& result);

/// A row that says everything but how the training came out. `result` may have
/// no outcome.
shard::Row row_without_outcome(const grid::Trajectory& trajectory,
                               const trial::TrialResult& result,
                               const trial::Criterion& criterion);

/// The criterion whose outcome a row is.
trial::Criterion criterion_of(const shard::Row& row);

/// One row for each outcome.
std::vector<shard::Row> make_rows(const grid::Trajectory& trajectory,
                                  const trial::TrialResult& result);

/// The losses of a result and their steps.
shard::Curves curves_of(const grid::Trajectory& trajectory,
                        const trial::TrialResult& result);

/// Puts what the probe measured in place of what the row has of it.
void add_probe(const trial::TrialResult& result, shard::Row& row);

}  // namespace cape::trainer_client
