#include "trainer_client/placement.h"

#include <fmt/ranges.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "core/environment.h"
#include "core/error.h"
#include "core/files.h"

namespace cape::trainer_client {
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

bool launched_by_mpirun() {
  return !environment_variable("OMPI_COMM_WORLD_LOCAL_SIZE").empty();
}

/// A file of the process that started this one; empty where it is a secret.
std::string file_of_launcher(const char* name) {
  std::ifstream file(fmt::format("/proc/{}/{}", ::getppid(), name));
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Open MPI 4 tells its ranks when the user chose a binding, and so does srun.
/// Open MPI 5 does not, but where mpirun runs itself it is the ranks' parent.
bool binding_is_chosen() {
  if (!environment_variable("OMPI_MCA_hwloc_base_binding_policy").empty() ||
      !environment_variable("SLURM_STEP_ID").empty()) {
    return true;
  }
  const std::string told =
      file_of_launcher("cmdline") + file_of_launcher("environ");
  return told.find("--bind-to") != std::string::npos ||
         told.find("binding_policy") != std::string::npos;
}

/// What Slurm gave to each task; it need not restrict a task to that.
std::int64_t cpus_per_task() {
  return std::atoll(environment_variable("SLURM_CPUS_PER_TASK").c_str());
}

bool gpu_driver_is_there() { return std::filesystem::exists("/dev/nvidiactl"); }

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

/// "cuda:0" and so on for a rank that is the k-th of `ranks` to see its GPUs.
std::vector<std::string> gpus_of(const RankResources& rank, std::size_t k,
                                 std::size_t ranks) {
  std::vector<std::string> gpus;
  for (std::int64_t gpu = 0; gpu < rank.gpus; ++gpu) {
    gpus.push_back(fmt::format("cuda:{}", gpu));
  }
  if (gpus.size() < ranks) return {gpus[k % gpus.size()]};
  return share(gpus, k, ranks);
}

bool uses_gpus(const RankResources& rank, const grid::WorkersConfig& workers) {
  if (workers.device == grid::DeviceChoice::cuda && rank.gpus == 0) {
    fail_user(
        "device cuda: no GPU that LibTorch can use on {}; look at "
        "`cape_trainer --list-devices` there, or choose --device cpu",
        rank.host);
  }
  return workers.device != grid::DeviceChoice::cpu && rank.gpus > 0;
}

/// One a trainer, for member `k` of a host. `cpus` is 1 for a rank that shares
/// its CPUs with others.
std::vector<std::string> devices_of(
    const std::vector<const RankResources*>& members, std::size_t k,
    std::size_t cpus, const grid::WorkersConfig& workers) {
  const RankResources& rank = *members[k];
  std::vector<std::string> devices;
  if (uses_gpus(rank, workers)) {
    const auto sees_the_same = [&](const RankResources* other) {
      return other->visible_gpus == rank.visible_gpus;
    };
    const auto self = members.begin() + static_cast<std::ptrdiff_t>(k);
    const auto before = std::count_if(members.begin(), self, sees_the_same);
    const auto all =
        std::count_if(members.begin(), members.end(), sees_the_same);
    const auto gpus = gpus_of(rank, static_cast<std::size_t>(before),
                              static_cast<std::size_t>(all));
    for (std::int64_t i = 0; i < workers.per_gpu; ++i) {
      devices.insert(devices.end(), gpus.begin(), gpus.end());
    }
  } else {
    auto usable = static_cast<std::int64_t>(cpus);
    if (rank.cpu_limit > 0) usable = std::min(usable, rank.cpu_limit);
    const std::int64_t trainers =
        std::max<std::int64_t>(usable / workers.threads, 1);
    devices.assign(static_cast<std::size_t>(trainers), "cpu");
  }
  if (!workers.per_rank) return devices;
  std::vector<std::string> wanted;
  for (std::int64_t i = 0; i < *workers.per_rank; ++i) {
    wanted.push_back(devices[static_cast<std::size_t>(i) % devices.size()]);
  }
  return wanted;
}

std::string counted(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// "node1: 2 ranks, 4 trainers on CPU, 8 CPUs", or "... on GPUs (2 on cuda:0,
/// 2 on cuda:1), ...".
std::string summary_of(const std::string& host,
                       const std::vector<std::size_t>& members,
                       const PlacementPlan& plan, std::size_t cpus) {
  std::map<std::string, std::size_t> trainers;
  std::size_t all = 0;
  for (const std::size_t r : members) {
    for (const std::string& device : plan.ranks[r].devices) ++trainers[device];
    all += plan.ranks[r].devices.size();
  }
  std::vector<std::string> gpus;
  gpus.reserve(trainers.size());
  for (const auto& [device, count] : trainers) {
    gpus.push_back(fmt::format("{} on {}", count, device));
  }
  const std::string where =
      trainers.contains("cpu")
          ? "CPU"
          : fmt::format("GPUs ({})", fmt::join(gpus, ", "));
  return fmt::format("{}: {}, {} on {}, {}", host,
                     counted(members.size(), "rank"), counted(all, "trainer"),
                     where, counted(cpus, "CPU"));
}

/// Places the ranks `members` of one host.
void place_host(const std::vector<RankResources>& ranks,
                const std::vector<std::size_t>& members,
                const grid::WorkersConfig& workers, PlacementPlan& plan) {
  std::vector<const RankResources*> local;
  local.reserve(members.size());
  for (const std::size_t r : members) local.push_back(&ranks[r]);
  const auto cpus = share_cpus(local);
  std::set<int> used;
  for (const auto& share : cpus) used.insert(share.begin(), share.end());
  const bool crowded = used.size() < members.size();
  for (std::size_t k = 0; k < members.size(); ++k) {
    plan.ranks[members[k]] = {
        .cpus = cpus[k],
        .devices = devices_of(local, k, crowded ? 1 : cpus[k].size(), workers)};
  }
  const RankResources& first = *local.front();
  const std::size_t allowed = first.launcher_cpus.size();
  if (first.launched && !first.bound_by_default && used.size() < allowed) {
    plan.warnings.push_back(fmt::format(
        "{}: the ranks are bound to {} of {} CPUs; mpirun --bind-to none "
        "lets them use all",
        first.host, used.size(), allowed));
  }
  plan.summary.push_back(summary_of(first.host, members, plan, used.size()));
  std::int64_t on_cpus = 0;
  for (const std::size_t r : members) {
    for (const std::string& device : plan.ranks[r].devices) {
      ++(device == "cpu" ? on_cpus : plan.at_once);
    }
  }
  plan.at_once += std::min(
      on_cpus, std::max<std::int64_t>(1, std::ssize(used) / workers.threads));
}

}  // namespace

RankResources inspect_rank(grid::DeviceChoice device,
                           const std::function<std::int64_t()>& count_gpus) {
  const bool look =
      device == grid::DeviceChoice::cuda ||
      (device == grid::DeviceChoice::automatic && gpu_driver_is_there());
  return {.host = host_name(),
          .cpus = cpus_of(0),
          .launcher_cpus = cpus_of(::getppid()),
          .launched = launched_by_mpirun(),
          .bound_by_default = launched_by_mpirun() && !binding_is_chosen(),
          .cpu_limit = cpus_per_task(),
          .gpus = look ? count_gpus() : 0,
          .visible_gpus = environment_variable("CUDA_VISIBLE_DEVICES")};
}

PlacementPlan place(const std::vector<RankResources>& ranks,
                    const grid::WorkersConfig& workers) {
  PlacementPlan plan;
  plan.ranks.resize(ranks.size());
  std::map<std::string, std::vector<std::size_t>> hosts;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    hosts[ranks[r].host].push_back(r);
  }
  for (const auto& [host, members] : hosts) {
    place_host(ranks, members, workers, plan);
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

}  // namespace cape::trainer_client
