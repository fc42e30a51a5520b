/// The Slurm job that a run belongs to.
#pragma once

#include <string>

namespace cape {

struct SlurmJob {
  std::string id;       ///< empty: none
  std::string restart;  ///< how often it was queued again before
};

/// From the environment.
SlurmJob this_slurm_job();

/// True when it is sure that `job` no longer runs: it is an earlier run of this
/// very job, or squeue says so.
bool has_ended(const SlurmJob& job);

}  // namespace cape
