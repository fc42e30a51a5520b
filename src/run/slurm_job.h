/// The Slurm job that a run belongs to.
#pragma once

#include <cstdint>
#include <string>

namespace cape::run {

struct SlurmJob {
  std::string id;       ///< empty: none
  std::string restart;  ///< how often it was queued again before
};

/// From the environment.
SlurmJob this_slurm_job();

/// True when it is sure that `job` no longer runs: it is an earlier run of this
/// very job, or squeue says so.
bool has_ended(const SlurmJob& job);

/// Throws UserError when Slurm started several tasks, but each is the only one
/// of its `ranks` (srun without --mpi) and would do the grid by itself: one of
/// one `parts`.
void refuse_unconnected_tasks(int ranks, std::int64_t parts);

}  // namespace cape::run
