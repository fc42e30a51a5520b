#include "run/run_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "grid/config_yaml.h"
#include "run/run_directory.h"
#include "trainer_client/support.h"

namespace cape::run {
namespace {

using testing::HasSubstr;

RunStart sample_start() {
  const grid::Grid grid = trainer_client::small_grid();
  return {.config_yaml = grid::to_yaml(grid.config()),
          .datasets = grid.datasets(),
          .directory = "/shared/größer",
          .token = ".seen",
          .prefix = "small-1of3-run",
          .trainer = "/opt/cape_trainer",
          .seconds_left = 12.5,
          .attributes = {{"host", "a"}, {"started", "b"}},
          .placement = {.cpus = {0, 2}, .devices = {"cpu", "cuda:1"}},
          .part = {1, 3},
          .refreshed_shards = std::vector<std::string>{"/shared/a.h5"}};
}

TEST(RunStartTest, OtherRanksReadWhatRankZeroWrote) {
  const RunStart start = sample_start();
  const RunStart read = decode_run_start(encode(start));
  EXPECT_EQ(read.directory, start.directory);
  EXPECT_EQ(read.token, start.token);
  EXPECT_EQ(read.prefix, start.prefix);
  EXPECT_EQ(read.trainer, start.trainer);
  EXPECT_EQ(read.seconds_left, start.seconds_left);
  EXPECT_EQ(read.attributes, start.attributes);
  EXPECT_EQ(read.placement, start.placement);
  EXPECT_EQ(read.part.index, 1);
  EXPECT_EQ(read.part.count, 3);
  EXPECT_EQ(read.refreshed_shards, start.refreshed_shards);
}

TEST(RunStartTest, OtherRanksHaveTheSameGrid) {
  const RunStart read = decode_run_start(encode(sample_start()));
  const grid::Grid grid = trainer_client::small_grid();
  const grid::Grid theirs(grid::parse_config(read.config_yaml, "rank 0", {}),
                          read.datasets);
  ASSERT_EQ(theirs.trajectories(), grid.trajectories());
  for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
    EXPECT_EQ(theirs.trajectory(i, 0b101).task, grid.trajectory(i, 0b101).task);
  }
}

TEST(RunStartTest, NoTimeLimitStaysNone) {
  RunStart start = sample_start();
  start.seconds_left.reset();
  EXPECT_EQ(decode_run_start(encode(start)).seconds_left, std::nullopt);
}

TEST(RunStartTest, ATimeLimitThatHasPassedStaysOne) {
  RunStart start = sample_start();
  start.seconds_left = -3;
  EXPECT_EQ(decode_run_start(encode(start)).seconds_left, -3);
}

TEST(RunStartTest, WithoutRepeatedProbesThereAreNoShardsOfThem) {
  RunStart start = sample_start();
  start.refreshed_shards.reset();
  EXPECT_EQ(decode_run_start(encode(start)).refreshed_shards, std::nullopt);
}

TEST(RunStartTest, RankZeroReadsWhatOtherRanksSee) {
  const trainer_client::RankResources resources = {.host = "node7",
                                                   .cpus = {4, 5},
                                                   .launcher_cpus = {4, 5, 6},
                                                   .launched = true,
                                                   .bound_by_default = true,
                                                   .cpu_limit = 2,
                                                   .gpus = 3,
                                                   .visible_gpus = "4,5,6"};
  EXPECT_EQ(decode_rank_resources(encode(resources)), resources);
}

TEST(RunStartTest, OtherRanksKnowWhatToLookAt) {
  const ResourceQuery query = decode_resource_query(
      encode({"/opt/cape_trainer", grid::DeviceChoice::cuda}));
  EXPECT_EQ(query.trainer, "/opt/cape_trainer");
  EXPECT_EQ(query.device, grid::DeviceChoice::cuda);
}

TEST(RunDirectoryTest, IsMadeWithItsParents) {
  const trainer_client::TemporaryDirectory folder;
  make_run_directory(folder.path() / "a/b/c");
  make_run_directory(folder.path() / "a/b/c");  // is there already
  EXPECT_TRUE(std::filesystem::is_directory(folder.path() / "a/b/c"));
}

TEST(RunDirectoryTest, OneThatCannotBeMadeIsTheUsersToMend) {
  const trainer_client::TemporaryDirectory folder;
  std::ofstream(folder.path() / "file") << "x";
  try {
    make_run_directory(folder.path() / "file/out");
    FAIL() << "made";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("file/out"));
    EXPECT_THAT(error.what(), HasSubstr("--out"));
  }
}

TEST(RunDirectoryTest, TheLeftoversOfItsPartAreSwept) {
  const trainer_client::TemporaryDirectory folder;
  const std::vector<std::string> stay = {
      "small-0of2-run-r0-0000.h5",         ".small-1of2-run-r0-0000.h5.7.tmp",
      ".small-0of20-run-r0-0000.h5.7.tmp", ".very-small-0of2-run.h5.7.tmp",
      "failed-small-0of2-run-r0.jsonl",    ".hidden"};
  const std::vector<std::string> go = {".small-0of2-run-r0-0000.h5.7.tmp",
                                       ".failed-small-0of2-run-r0.jsonl.7.tmp",
                                       ".small-0of2-run-seen-by-all",
                                       ".small-0of2.claim.7"};
  for (const auto& names : {stay, go}) {
    for (const auto& name : names) std::ofstream(folder.path() / name) << "x";
  }
  remove_leftover_files(folder.path(), part_name("small", {0, 2}));
  for (const auto& name : stay) {
    EXPECT_TRUE(std::filesystem::exists(folder.path() / name)) << name;
  }
  for (const auto& name : go) {
    EXPECT_FALSE(std::filesystem::exists(folder.path() / name)) << name;
  }
}

TEST(RunDirectoryTest, TheTokenGoesWithTheObject) {
  const trainer_client::TemporaryDirectory folder;
  {
    const TokenFile token(folder.path(), "small-0of1-run");
    EXPECT_TRUE(std::filesystem::exists(folder.path() / token.name()));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace cape::run
