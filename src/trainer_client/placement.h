/// Which CPUs and GPUs each rank's trainers get.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "grid/config.h"

namespace cape::trainer_client {

/// What a rank sees of its machine and is told by its launcher.
struct RankResources {
  std::string host;
  std::vector<int> cpus;           ///< allowed to this process
  std::vector<int> launcher_cpus;  ///< allowed to the process that started it
  bool launched = false;           ///< by mpirun
  bool bound_by_default = false;   ///< by Open MPI, without being asked to
  std::int64_t cpu_limit = 0;      ///< CPUs of a task; 0: all that are allowed
  std::int64_t gpus = 0;
  std::string visible_gpus{};  ///< CUDA_VISIBLE_DEVICES; others may see others

  bool operator==(const RankResources&) const = default;
};

/// What a rank is to use.
struct Placement {
  std::vector<int> cpus;
  std::vector<std::string> devices;  ///< one a trainer: "cpu", "cuda:0", ...

  bool operator==(const Placement&) const = default;
};

struct PlacementPlan {
  std::vector<Placement> ranks;
  std::vector<std::string> warnings;
  std::vector<std::string> summary;  ///< a line per host
  /// Trainers that compute at the same time: on CPUs not more than there are.
  std::int64_t at_once = 0;
};

/// Looks at this machine and the environment. `count_gpus` is asked where GPUs
/// are wanted, or may be used and a GPU driver is there.
RankResources inspect_rank(grid::DeviceChoice device,
                           const std::function<std::int64_t()>& count_gpus);

/// Pure. CPUs of a host are shared between its ranks: each keeps its own where
/// their masks are disjoint by the user's wish, else all share the union. (Open
/// MPI binds one or two ranks to a core each unless told otherwise: then the
/// launcher's own mask counts.) GPUs are shared between the ranks of a host
/// that see the same ones. Throws UserError when CUDA is asked for and a host
/// has no GPU.
PlacementPlan place(const std::vector<RankResources>& ranks,
                    const grid::WorkersConfig& workers);

/// Restricts this process, and what it starts from now on, to these CPUs.
void use_cpus(const std::vector<int>& cpus);

}  // namespace cape::trainer_client
