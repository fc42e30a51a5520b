#include "trainer_client/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "core/error.h"
#include "trainer_client/support.h"

namespace cape::trainer_client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Cpus = std::vector<int>;

Cpus first_cpus(int count) {
  Cpus cpus(static_cast<std::size_t>(count));
  std::iota(cpus.begin(), cpus.end(), 0);
  return cpus;
}

/// A rank that may use these CPUs, started by a launcher that may use all.
RankResources rank_with(const Cpus& cpus, int all = 8) {
  return {.host = "node1", .cpus = cpus, .launcher_cpus = first_cpus(all)};
}

std::vector<RankResources> ranks_with(std::size_t count, const Cpus& cpus) {
  return std::vector<RankResources>(
      count, rank_with(cpus, static_cast<int>(cpus.size())));
}

std::vector<std::size_t> trainers(const PlacementPlan& plan) {
  std::vector<std::size_t> counts;
  for (const Placement& rank : plan.ranks)
    counts.push_back(rank.devices.size());
  return counts;
}

std::set<int> all_cpus(const PlacementPlan& plan) {
  std::set<int> all;
  for (const Placement& rank : plan.ranks) {
    all.insert(rank.cpus.begin(), rank.cpus.end());
  }
  return all;
}

TEST(PlacementTest, OneRankUsesAllCpusWithATrainerEach) {
  const PlacementPlan plan = place(ranks_with(1, first_cpus(4)), {});
  EXPECT_THAT(plan.ranks[0].cpus, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(plan.ranks[0].devices, ElementsAre("cpu", "cpu", "cpu", "cpu"));
  EXPECT_THAT(plan.warnings, IsEmpty());
  EXPECT_THAT(plan.summary, ElementsAre("node1: 1 rank, 4 trainers on CPU, "
                                        "4 CPUs"));
}

TEST(PlacementTest, RanksThatSeeTheSameCpusShareThemOut) {
  for (const std::size_t ranks : {2, 3, 4}) {
    const PlacementPlan plan = place(ranks_with(ranks, first_cpus(8)), {});
    std::size_t sum = 0;
    for (const Placement& rank : plan.ranks) sum += rank.cpus.size();
    EXPECT_EQ(sum, 8U) << "no CPU for two of " << ranks << " ranks";
    EXPECT_THAT(all_cpus(plan), SizeIs(8));
    const auto counts = trainers(plan);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0UL), 8U);
  }
}

TEST(PlacementTest, DisjointMasksOfTheUsersAreKept) {
  const PlacementPlan plan =
      place({rank_with({0, 1}), rank_with({5}), rank_with({2, 3, 7})}, {});
  EXPECT_THAT(plan.ranks[0].cpus, ElementsAre(0, 1));
  EXPECT_THAT(plan.ranks[1].cpus, ElementsAre(5));
  EXPECT_THAT(plan.ranks[2].cpus, ElementsAre(2, 3, 7));
  EXPECT_THAT(trainers(plan), ElementsAre(2, 1, 3));
}

TEST(PlacementTest, OverlappingMasksBecomeTheirUnionSharedOut) {
  const PlacementPlan plan = place({rank_with({0, 1}), rank_with({1, 2})}, {});
  EXPECT_THAT(all_cpus(plan), ElementsAre(0, 1, 2));
  EXPECT_THAT(trainers(plan), ElementsAre(2, 1));
}

TEST(PlacementTest, OpenMpisDefaultBindingIsLifted) {
  // mpirun -n 1 and -n 2 bind each rank to a core.
  for (const int ranks : {1, 2}) {
    std::vector<RankResources> all;
    for (int r = 0; r < ranks; ++r) {
      all.push_back(rank_with({r}, 4));
      all.back().bound_by_default = true;
    }
    const PlacementPlan plan = place(all, {});
    EXPECT_THAT(all_cpus(plan), SizeIs(4)) << ranks << " ranks";
    EXPECT_THAT(trainers(plan), testing::Each(4 / ranks));
  }
}

TEST(PlacementTest, MoreRanksThanCpusHaveATrainerEachOnAllOfThem) {
  const PlacementPlan plan = place(ranks_with(4, first_cpus(2)), {});
  EXPECT_THAT(trainers(plan), ElementsAre(1, 1, 1, 1));
  for (const Placement& rank : plan.ranks) {
    EXPECT_THAT(rank.cpus, ElementsAre(0, 1));
  }
}

TEST(PlacementTest, TrainersWithThreadsAreFewer) {
  grid::WorkersConfig workers;
  workers.threads = 3;
  EXPECT_THAT(trainers(place(ranks_with(1, first_cpus(8)), workers)),
              ElementsAre(2));
  workers.threads = 9;
  EXPECT_THAT(trainers(place(ranks_with(1, first_cpus(8)), workers)),
              ElementsAre(1));
}

TEST(PlacementTest, PerRankSaysHowManyTrainers) {
  grid::WorkersConfig workers;
  workers.per_rank = 5;
  EXPECT_THAT(trainers(place(ranks_with(2, first_cpus(2)), workers)),
              ElementsAre(5, 5));
}

TEST(PlacementTest, HostsShareTheirOwnCpusOnly) {
  std::vector<RankResources> ranks = ranks_with(3, first_cpus(4));
  ranks[1].host = "node2";
  const PlacementPlan plan = place(ranks, {});
  EXPECT_THAT(trainers(plan), ElementsAre(2, 4, 2));
  EXPECT_THAT(plan.summary, SizeIs(2));
}

TEST(PlacementTest, GpusAreSharedOutBetweenTheRanksOfAHost) {
  std::vector<RankResources> ranks = ranks_with(2, first_cpus(8));
  for (RankResources& rank : ranks) rank.gpus = 4;
  grid::WorkersConfig workers;
  PlacementPlan plan = place(ranks, workers);
  EXPECT_THAT(plan.ranks[0].devices, ElementsAre("cuda:0", "cuda:2"));
  EXPECT_THAT(plan.ranks[1].devices, ElementsAre("cuda:1", "cuda:3"));

  workers.per_gpu = 2;
  plan = place(ranks, workers);
  EXPECT_THAT(plan.ranks[0].devices,
              ElementsAre("cuda:0", "cuda:2", "cuda:0", "cuda:2"));

  workers.device = grid::DeviceChoice::cpu;
  EXPECT_THAT(place(ranks, workers).ranks[0].devices,
              testing::Each(std::string("cpu")));
}

TEST(PlacementTest, FewerGpusThanRanksAreUsedByTurns) {
  std::vector<RankResources> ranks = ranks_with(3, first_cpus(6));
  for (RankResources& rank : ranks) rank.gpus = 2;
  const PlacementPlan plan = place(ranks, {});
  EXPECT_THAT(plan.ranks[0].devices, ElementsAre("cuda:0"));
  EXPECT_THAT(plan.ranks[1].devices, ElementsAre("cuda:1"));
  EXPECT_THAT(plan.ranks[2].devices, ElementsAre("cuda:0"));
}

TEST(PlacementTest, RanksThatSeeOtherGpusUseThemAll) {
  // As Slurm binds GPUs to tasks: each counts its own from 0.
  std::vector<RankResources> ranks = ranks_with(2, first_cpus(8));
  ranks[0].gpus = ranks[1].gpus = 2;
  ranks[0].visible_gpus = "0,1";
  ranks[1].visible_gpus = "2,3";
  const PlacementPlan plan = place(ranks, {});
  for (const Placement& rank : plan.ranks) {
    EXPECT_THAT(rank.devices, ElementsAre("cuda:0", "cuda:1"));
  }
}

TEST(PlacementTest, TheSummarySaysHowManyTrainersAGpuHas) {
  std::vector<RankResources> ranks = ranks_with(2, first_cpus(8));
  for (RankResources& rank : ranks) rank.gpus = 2;
  grid::WorkersConfig workers;
  workers.per_gpu = 2;
  EXPECT_THAT(place(ranks, workers).summary,
              ElementsAre("node1: 2 ranks, 4 trainers on GPUs (2 on cuda:0, 2 "
                          "on cuda:1), 8 CPUs"));
}

TEST(PlacementTest, ATaskOfSlurmKeepsToItsCpusWhereNothingBindsItToThem) {
  std::vector<RankResources> ranks = ranks_with(2, first_cpus(64));
  for (RankResources& rank : ranks) rank.cpu_limit = 6;
  grid::WorkersConfig workers;
  EXPECT_THAT(trainers(place(ranks, workers)), ElementsAre(6, 6));
  workers.threads = 4;
  EXPECT_THAT(trainers(place(ranks, workers)), ElementsAre(1, 1));
}

TEST(PlacementTest, WarnsOfCpusThatNoRankMayUse) {
  std::vector<RankResources> ranks = {rank_with({0}, 4), rank_with({1}, 4)};
  for (RankResources& rank : ranks) rank.launched = true;
  EXPECT_THAT(place(ranks, {}).warnings,
              ElementsAre(HasSubstr("bound to 2 of 4 CPUs")));
  for (RankResources& rank : ranks) rank.bound_by_default = true;
  EXPECT_THAT(place(ranks, {}).warnings, IsEmpty());
}

TEST(PlacementTest, CudaWithoutAGpuIsRefusedByTheHostsName) {
  std::vector<RankResources> ranks = ranks_with(2, first_cpus(2));
  ranks[0].gpus = 1;
  ranks[1].host = "node2";
  grid::WorkersConfig workers;
  workers.device = grid::DeviceChoice::cuda;
  try {
    place(ranks, workers);
    FAIL() << "accepted";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("node2"));
  }
}

TEST(PlacementTest, InspectingARankSeesItsOwnMask) {
  const RankResources rank =
      inspect_rank(grid::DeviceChoice::cpu, [] { return 0; });
  cpu_set_t set;
  ASSERT_EQ(::sched_getaffinity(0, sizeof set, &set), 0);
  EXPECT_THAT(rank.cpus, SizeIs(static_cast<std::size_t>(CPU_COUNT(&set))));
  EXPECT_FALSE(rank.host.empty());
}

TEST(PlacementTest, GpusAreCountedWhereTheyMayBeUsed) {
  const auto two = [] { return 2; };
  EXPECT_EQ(inspect_rank(grid::DeviceChoice::cuda, two).gpus, 2);
  EXPECT_EQ(inspect_rank(grid::DeviceChoice::cpu, two).gpus, 0);
}

TEST(PlacementTest, TheEnvironmentIsReadWhereARankIsInspected) {
  const Variable mpirun("OMPI_COMM_WORLD_LOCAL_SIZE", "2");
  const Variable cpus("SLURM_CPUS_PER_TASK", "3");
  const Variable gpus("CUDA_VISIBLE_DEVICES", "1,2");
  RankResources rank = inspect_rank(grid::DeviceChoice::cpu, [] { return 0; });
  EXPECT_TRUE(rank.launched);
  EXPECT_TRUE(rank.bound_by_default);
  EXPECT_EQ(rank.cpu_limit, 3);
  EXPECT_EQ(rank.visible_gpus, "1,2");
  const Variable wish("OMPI_MCA_hwloc_base_binding_policy", "core");
  rank = inspect_rank(grid::DeviceChoice::cpu, [] { return 0; });
  EXPECT_FALSE(rank.bound_by_default);
}

TEST(PlacementTest, UseCpusRestrictsThisProcess) {
  const Cpus before =
      inspect_rank(grid::DeviceChoice::cpu, [] { return 0; }).cpus;
  use_cpus({before.back()});
  EXPECT_THAT(inspect_rank(grid::DeviceChoice::cpu, [] { return 0; }).cpus,
              ElementsAre(before.back()));
  use_cpus(before);
  use_cpus({});  // no wish
  EXPECT_EQ(inspect_rank(grid::DeviceChoice::cpu, [] { return 0; }).cpus,
            before);
}

}  // namespace
}  // namespace cape::trainer_client
