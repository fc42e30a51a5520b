#include "worker/placement.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "core/error.h"
#include "core/files.h"

namespace cape {
namespace {

std::vector<int> cpus_of(pid_t pid) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (::sched_getaffinity(pid, sizeof set, &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

/// Open MPI says so when the user chose a binding; srun says so too.
bool bound_by_open_mpi_default() {
  return std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE") != nullptr &&
         std::getenv("OMPI_MCA_hwloc_base_binding_policy") == nullptr &&
         std::getenv("SLURM_STEP_ID") == nullptr;
}

/// The CPUs a rank may use by itself, before sharing with its neighbours.
const std::vector<int>& own_cpus(const RankResources& rank) {
  return rank.bound_by_default && !rank.launcher_cpus.empty()
             ? rank.launcher_cpus
             : rank.cpus;
}

/// The `k`-th of `parts` shares of `items`; where there are fewer items than
/// parts, all of them.
template <class T>
std::vector<T> share(const std::vector<T>& items, std::size_t k,
                     std::size_t parts) {
  if (items.size() < parts) return items;
  std::vector<T> mine;
  for (std::size_t i = k; i < items.size(); i += parts) {
    mine.push_back(items[i]);
  }
  return mine;
}

std::vector<std::vector<int>> share_cpus(
    const std::vector<const RankResources*>& ranks) {
  std::set<int> all;
  std::size_t sum = 0;
  for (const RankResources* rank : ranks) {
    const std::vector<int>& cpus = own_cpus(*rank);
    all.insert(cpus.begin(), cpus.end());
    sum += cpus.size();
  }
  const bool disjoint = sum == all.size();
  const std::vector<int> shared(all.begin(), all.end());
  std::vector<std::vector<int>> shares;
  for (std::size_t k = 0; k < ranks.size(); ++k) {
    shares.push_back(disjoint ? own_cpus(*ranks[k])
                              : share(shared, k, ranks.size()));
  }
  return shares;
}

/// `cpus` is 1 for a rank that shares its CPUs with others.
std::vector<std::string> devices_of(const RankResources& rank, std::size_t k,
                                    std::size_t ranks_on_host, std::size_t cpus,
                                    const WorkersConfig& workers) {
  const bool cuda =
      workers.device == DeviceChoice::cuda ||
      (workers.device == DeviceChoice::automatic && rank.gpus > 0);
  if (cuda && rank.gpus == 0) {
    fail_user(
        "device cuda: no GPU that LibTorch can use on {}; look at "
        "`cape_trainer --list-devices` there, or choose --device cpu",
        rank.host);
  }
  std::vector<std::string> devices;
  if (cuda) {
    std::vector<std::string> gpus;
    for (std::int64_t gpu = 0; gpu < rank.gpus; ++gpu) {
      gpus.push_back(fmt::format("cuda:{}", gpu));
    }
    gpus = gpus.size() < ranks_on_host
               ? std::vector<std::string>{gpus[k % gpus.size()]}
               : share(gpus, k, ranks_on_host);
    for (std::int64_t i = 0; i < workers.per_gpu; ++i) {
      devices.insert(devices.end(), gpus.begin(), gpus.end());
    }
  } else {
    const auto fitting = static_cast<std::int64_t>(cpus) / workers.threads;
    devices.assign(static_cast<std::size_t>(std::max<std::int64_t>(fitting, 1)),
                   "cpu");
  }
  if (!workers.per_rank) return devices;
  std::vector<std::string> wanted;
  for (std::int64_t i = 0; i < *workers.per_rank; ++i) {
    wanted.push_back(devices[static_cast<std::size_t>(i) % devices.size()]);
  }
  return wanted;
}

}  // namespace

RankResources inspect_rank(const std::function<std::int64_t()>& count_gpus) {
  return {.host = host_name(),
          .cpus = cpus_of(0),
          .launcher_cpus = cpus_of(::getppid()),
          .bound_by_default = bound_by_open_mpi_default(),
          .gpus = std::filesystem::exists("/dev/nvidiactl") ? count_gpus() : 0};
}

PlacementPlan place(const std::vector<RankResources>& ranks,
                    const WorkersConfig& workers) {
  PlacementPlan plan;
  plan.ranks.resize(ranks.size());
  std::map<std::string, std::vector<std::size_t>> hosts;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    hosts[ranks[r].host].push_back(r);
  }
  for (const auto& [host, members] : hosts) {
    std::vector<const RankResources*> local;
    for (const std::size_t r : members) local.push_back(&ranks[r]);
    const auto cpus = share_cpus(local);
    std::set<int> used;
    for (const auto& share : cpus) used.insert(share.begin(), share.end());
    const bool crowded = used.size() < members.size();
    std::size_t trainers = 0;
    for (std::size_t k = 0; k < members.size(); ++k) {
      Placement& placement = plan.ranks[members[k]];
      placement.cpus = cpus[k];
      placement.devices = devices_of(*local[k], k, members.size(),
                                     crowded ? 1 : cpus[k].size(), workers);
      trainers += placement.devices.size();
    }
    const std::size_t allocated = local.front()->launcher_cpus.size();
    if (local.front()->bound_by_default == false && used.size() < allocated &&
        std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) {
      plan.warnings.push_back(fmt::format(
          "{}: the ranks are bound to {} of {} CPUs; mpirun --bind-to none "
          "lets them use all",
          host, used.size(), allocated));
    }
    plan.summary.push_back(fmt::format(
        "{}: {} rank{}, {} trainer{} on {}, {} CPU{}", host, members.size(),
        members.size() == 1 ? "" : "s", trainers, trainers == 1 ? "" : "s",
        plan.ranks[members.front()].devices.front().substr(0, 4) == "cuda"
            ? fmt::format("{} GPUs", local.front()->gpus)
            : "CPU",
        used.size(), used.size() == 1 ? "" : "s"));
  }
  return plan;
}

void use_cpus(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) CPU_SET(cpu, &set);
  // Not being allowed to is no reason to stop: it is only slower.
  if (!cpus.empty()) (void)::sched_setaffinity(0, sizeof set, &set);
}

}  // namespace cape
