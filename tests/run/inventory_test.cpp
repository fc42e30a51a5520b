#include "run/inventory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "core/error.h"
#include "core/files.h"
#include "shard/reader.h"
#include "worker/support.h"

namespace cape::run {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;
using testing::UnorderedElementsAre;

void put(const std::filesystem::path& file, const worker::FailedTrial& trial) {
  worker::Quarantine quarantine(file);
  quarantine.add(trial);
  quarantine.flush();
}

class InventoryTest : public testing::Test {
 protected:
  const std::filesystem::path& directory() const { return directory_.path(); }

  /// Measures all but what `done` says.
  void measure(const grid::Grid& grid, const coordinator::DoneMap& done = {}) {
    worker::FarmSetup setup;
    setup.done = done;
    worker::run_small_farm(grid, directory(), setup);
  }

  /// The rows of a whole run.
  static std::vector<shard::Row> measured_rows(const grid::Grid& grid) {
    const trainer_client::TemporaryDirectory other;
    worker::run_small_farm(grid, other.path());
    return trainer_client::rows_in(other.path());
  }

  static void write(
      const std::filesystem::path& file, const std::vector<shard::Row>& rows,
      const std::vector<std::pair<std::string, std::string>>& attributes) {
    publish_file(file, shard::shard_image(rows, {}, {attributes, ""}));
  }

  /// Puts a trial into quarantine.
  void fail_trial(const grid::Grid& grid, std::int64_t index,
                  const std::vector<double>& epsilons) {
    put(directory() / fmt::format("failed-x{}.jsonl", index),
        {grid.trajectory_key(index), trial::criteria_of(epsilons), "a trial",
         "why", 3});
  }

  trainer_client::TemporaryDirectory directory_;
};

TEST_F(InventoryTest, ADirectoryThatIsNotThereHoldsNothing) {
  const Inventory inventory =
      take_inventory(trainer_client::small_grid(), directory() / "none");
  EXPECT_EQ(cells_in(inventory.done, {}), 0);
  EXPECT_THAT(inventory.done, IsEmpty());
}

TEST_F(InventoryTest, KnowsWhichEpsilonsAreDone) {
  const grid::Grid grid = trainer_client::small_grid({"grid.trials=1"});
  measure(grid, {{0, 0b111}, {1, 0b010}, {3, 0b100}});
  const Inventory inventory = take_inventory(grid, directory());
  EXPECT_THAT(
      inventory.done,
      UnorderedElementsAre(Pair(1, 0b101), Pair(2, 0b111), Pair(3, 0b011)));
  EXPECT_EQ(cells_in(inventory.done, {}), 7);
  EXPECT_EQ(cells_in(inventory.done, {}), 7);
  EXPECT_EQ(cells_in(inventory.done, {0, 2}), 3);
  EXPECT_EQ(cells_in(inventory.done, {1, 2}), 4);
  EXPECT_THAT(inventory.unreadable, IsEmpty());
}

TEST_F(InventoryTest, CountsEachCellOnceHoweverManyRowsItHas) {
  const grid::Grid grid = trainer_client::small_grid();
  measure(grid);
  const auto shard = shard::shards_in(directory()).front();
  std::filesystem::copy_file(shard, directory() / "again.h5");
  const Inventory inventory = take_inventory(grid, directory());
  EXPECT_EQ(cells_in(inventory.done, {}), 36);
  EXPECT_EQ(inventory.shards, 2);
  EXPECT_EQ(inventory.other_rows, 0);
  EXPECT_LT(cells_in(inventory.converged, {}), 36);
}

TEST_F(InventoryTest, RowsOfOtherSettingsAreCountedApart) {
  measure(trainer_client::small_grid({"seed=1"}));
  const Inventory inventory =
      take_inventory(trainer_client::small_grid(), directory());
  EXPECT_EQ(cells_in(inventory.done, {}), 0);
  EXPECT_EQ(inventory.other_rows, 36);
  EXPECT_THAT(inventory.done, IsEmpty());
}

TEST_F(InventoryTest, RowsOfALargerGridCountForASmallerOne) {
  measure(trainer_client::small_grid());
  const grid::Grid part =
      trainer_client::small_grid({"grid.trials=2", "grid.epsilon=[0.3, 0.1]"});
  const Inventory inventory = take_inventory(part, directory());
  EXPECT_EQ(cells_in(inventory.done, {}), 4 * 2 * 2);
  EXPECT_EQ(inventory.other_rows, 36 - 16);
  for (const auto& [index, mask] : inventory.done) {
    EXPECT_EQ(mask, part.all_criteria());
  }
}

TEST_F(InventoryTest, UnreadableShardsBesideGoodOnesAreNamed) {
  const grid::Grid grid = trainer_client::small_grid();
  measure(grid);
  const std::string whole = read_file(shard::shards_in(directory()).front());
  std::ofstream(directory() / "half.h5") << whole.substr(0, whole.size() / 2);
  std::ofstream(directory() / "junk.h5") << "no shard";
  std::ofstream(directory() / "empty.h5") << "";
  const Inventory inventory = take_inventory(grid, directory());
  EXPECT_EQ(cells_in(inventory.done, {}), 36);
  EXPECT_EQ(inventory.shards, 4);
  ASSERT_THAT(inventory.unreadable, SizeIs(3));
  for (const auto& [path, why] : inventory.unreadable) {
    EXPECT_THAT(why, HasSubstr(path.string()));
  }
}

TEST_F(InventoryTest, ShardsOfOtherPartsOfTheSameGridAreNotRead) {
  const grid::Grid grid = trainer_client::small_grid();
  const std::vector<std::pair<std::string, std::string>> attributes = {
      {kPartAttribute, part_mark(grid, {1, 2})}};
  const auto row = measured_rows(grid).front();
  write(directory() / "small-1of2.h5", {row}, attributes);
  EXPECT_EQ(take_inventory(grid, directory(), {0, 2}).others, 1);
  EXPECT_THAT(take_inventory(grid, directory(), {0, 2}).done, IsEmpty());
  // Its own part, the whole, another division, and a grown grid read it.
  for (const grid::Part part :
       {grid::Part{1, 2}, grid::Part{0, 1}, grid::Part{0, 3}}) {
    EXPECT_THAT(take_inventory(grid, directory(), part).done, SizeIs(1));
  }
  const grid::Grid grown = trainer_client::small_grid({"grid.trials=4"});
  EXPECT_THAT(take_inventory(grown, directory(), {0, 2}).done, SizeIs(1));
}

TEST_F(InventoryTest, NoRowOfAShardThatIsDamagedFurtherOnCounts) {
  const grid::Grid grid = trainer_client::small_grid();
  std::vector<shard::Row> rows(9000, measured_rows(grid).front());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i].seed = i * i * i;
  std::string image = shard::shard_image(rows, {}, {});
  // Without its checksum, as a file that was edited: HDF5 has to notice.
  image.resize(image.rfind("\nCAPE"));
  image.replace(image.size() * 3 / 4, 1000, 1000, '\x55');
  publish_file(directory() / "damaged.h5", image);
  int seen = 0;
  EXPECT_THROW(shard::for_each_row(directory() / "damaged.h5",
                                   [&](const shard::Row&) { ++seen; }),
               UserError);
  EXPECT_GT(seen, 0);
  const Inventory inventory = take_inventory(grid, directory());
  EXPECT_THAT(inventory.unreadable, SizeIs(1));
  EXPECT_THAT(inventory.done, IsEmpty());
  EXPECT_EQ(inventory.other_rows, 0);
}

TEST_F(InventoryTest, QuarantinedTrialsAreKnownUntilTheyAreMeasured) {
  const grid::Grid grid = trainer_client::small_grid({"grid.trials=1"});
  fail_trial(grid, 1, {0.1, 0.2, 0.3});
  fail_trial(grid, 2, {0.1, 0.2, 0.3});
  Inventory inventory = take_inventory(grid, directory());
  EXPECT_THAT(inventory.failed,
              UnorderedElementsAre(Pair(1, 0b111), Pair(2, 0b111)));
  EXPECT_EQ(cells_in(inventory.failed, {1, 2}), 3);

  measure(grid, {{1, 0b100}, {2, 0b111}});
  inventory = take_inventory(grid, directory());
  EXPECT_THAT(inventory.failed,
              UnorderedElementsAre(Pair(1, 0b100), Pair(2, 0b111)));
  EXPECT_THAT(inventory.failures, SizeIs(2));
}

TEST_F(InventoryTest, QuarantinedTrialsOfOtherSettingsAreLeftOut) {
  fail_trial(trainer_client::small_grid({"seed=1"}), 0, {0.1});
  fail_trial(trainer_client::small_grid(), 0, {0.17});
  const Inventory inventory =
      take_inventory(trainer_client::small_grid(), directory());
  EXPECT_THAT(inventory.failed, IsEmpty());
  EXPECT_THAT(inventory.failures, IsEmpty());
}

TEST_F(InventoryTest, LearnsTheSpeedFromTheRows) {
  const grid::Grid grid = trainer_client::small_grid();
  EXPECT_FALSE(take_inventory(grid, directory()).speed.seconds("mlp", 1e9));
  measure(grid);
  EXPECT_TRUE(take_inventory(grid, directory()).speed.seconds("mlp", 1e9));
  const grid::Grid told = trainer_client::small_grid({"workers.gflops=10"});
  EXPECT_EQ(take_inventory(told, directory()).speed.seconds("mlp", 1e9), 0.1);
}

TEST_F(InventoryTest, TakesTheSpeedOfATrajectoryFromItsLongestRow) {
  const grid::Grid grid =
      trainer_client::small_grid({"grid.epsilon=[0.1, 0.3, 0.2]"});
  std::vector<shard::Row> rows = measured_rows(grid);
  const std::string trajectory = rows.front().trajectory.str();
  std::erase_if(rows, [&](const shard::Row& row) {
    return row.trajectory.view() != trajectory;
  });
  ASSERT_THAT(rows, SizeIs(3));
  for (shard::Row& row : rows) {
    row.probe_seconds = 5;
    row.step_seconds = 2;
    row.steps_run = row.epsilon == 0.1 ? 70 : row.epsilon == 0.2 ? 40 : 10;
  }
  const double flops = grid.expected_flops(*grid.find(trajectory));
  // Whichever row comes last and so completes the trajectory.
  for (int turn = 0; turn < 3; ++turn) {
    std::ranges::rotate(rows, rows.begin() + 1);
    write(directory() / "rows.h5", rows, {});
    const auto speed = take_inventory(grid, directory()).speed;
    EXPECT_DOUBLE_EQ(speed.measured("mlp", flops).value(), 5 + 2 * 70);
  }
}

TEST(QuarantineTest, ReadsBackWhatWasAdded) {
  const trainer_client::TemporaryDirectory folder;
  worker::Quarantine quarantine(folder.path() / "failed-small-r0.jsonl");
  EXPECT_TRUE(quarantine.flushed());
  quarantine.add({"bb", trial::criteria_of({0.1, 0.25}), "mlp on mnist",
                  "killed\nby \"9\"", 3});
  quarantine.add(
      {"aa", trial::criteria_of({0.2}), "cnn on mnist", "said \xff\xfe", 1});
  EXPECT_FALSE(quarantine.flushed());
  quarantine.flush();
  EXPECT_TRUE(quarantine.flushed());
  const auto trials = worker::read_quarantine(folder.path());
  ASSERT_THAT(trials, SizeIs(2));
  EXPECT_EQ(trials[0].trajectory, "aa");
  EXPECT_THAT(trials[0].error, HasSubstr("said")) << "though not UTF-8";
  EXPECT_EQ(trials[1].trajectory, "bb");
  EXPECT_THAT(trials[1].criteria,
              testing::ElementsAreArray(trial::criteria_of({0.1, 0.25})));
  EXPECT_EQ(trials[1].description, "mlp on mnist");
  EXPECT_EQ(trials[1].error, "killed\nby \"9\"");
  EXPECT_EQ(trials[1].attempts, 3);
}

TEST(QuarantineTest, KeepsWhatCannotBeWritten) {
  const trainer_client::TemporaryDirectory folder;
  worker::Quarantine quarantine(folder.path() / "later/failed-small-r0.jsonl");
  quarantine.add({"aa", trial::criteria_of({0.1}), "mlp on mnist", "why", 3});
  EXPECT_THROW(quarantine.flush(), StoppedError);
  EXPECT_FALSE(quarantine.flushed());
  std::filesystem::create_directory(folder.path() / "later");
  quarantine.flush();
  EXPECT_THAT(worker::read_quarantine(folder.path() / "later"), SizeIs(1));
}

TEST(QuarantineTest, HalfWrittenLinesAndOtherFilesAreLeftOut) {
  const trainer_client::TemporaryDirectory folder;
  const auto file = folder.path() / "failed-small-r0.jsonl";
  put(file, {"aa", trial::criteria_of({0.1}), "whole", "why", 3});
  std::ofstream(file, std::ios::app) << R"({"trajectory": "bb", "epsi)";
  std::ofstream(folder.path() / "farm.log") << R"({"trajectory": "cc"})";
  put(folder.path() / "failed-small-r1.jsonl",
      {"dd", trial::criteria_of({0.1}), "whole", "why", 3});
  const auto trials = worker::read_quarantine(folder.path());
  ASSERT_THAT(trials, SizeIs(2));
  EXPECT_EQ(trials[0].trajectory, "aa");
  EXPECT_EQ(trials[1].trajectory, "dd");
}

}  // namespace
}  // namespace cape::run
