#include "shard/merge.h"

#include "sample.h"
#include "shard/compact.h"
#include "shard/csv.h"

namespace cape::shard {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class MergeTest : public ShardTest {
 protected:
  std::string csv_of(const std::vector<std::filesystem::path>& inputs) {
    export_csv(MergedTable(inputs), folder / "table.csv");
    return read_file(folder / "table.csv");
  }
};

TEST_F(MergeTest, EveryColumnSurvivesInTheDocumentedOrder) {
  write_shard(folder / "a.h5", sample_rows(0, 40));
  const MergedTable table({folder / "a.h5"});
  ASSERT_EQ(table.size(), 40);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Row row = table.row(i);
    expect_same_row(row, sample_row(static_cast<int>(row.trial)));
    if (i == 0) continue;
    const auto order = [](const Row& r) {
      return std::tuple(r.family.str(), r.dataset.str(), r.learning_rate,
                        r.batch_size, r.epsilon, r.trial, r.key.str());
    };
    EXPECT_LT(order(table.row(i - 1)), order(row));
  }
}

TEST_F(MergeTest, DropsEqualRowsOfOneKey) {
  Row measured_again = sample_row(1);
  measured_again.step_seconds = 99;
  measured_again.device = "cuda:0";
  write_shard(folder / "a.h5", sample_rows(0, 3));
  write_shard(folder / "b.h5", {measured_again, sample_row(3)});
  const MergedTable table({folder});
  EXPECT_EQ(table.size(), 4);
  EXPECT_EQ(table.report().files, 2);
  EXPECT_EQ(table.report().rows_read, 5);
  EXPECT_EQ(table.report().duplicates, 1);
  EXPECT_TRUE(table.report().conflicts.empty());
}

TEST_F(MergeTest, NamesConflictsAndPicksTheSameRowInAnyOrder) {
  Row other = sample_row(1);
  other.t_star += 1;
  write_shard(folder / "a.h5", sample_rows(0, 3));
  write_shard(folder / "b.h5", {other});
  const MergedTable table({folder / "a.h5", folder / "b.h5"});
  EXPECT_EQ(table.size(), 3);
  EXPECT_THAT(table.report().conflicts, ElementsAre(other.key.str()));
  EXPECT_EQ(csv_of({folder / "a.h5", folder / "b.h5"}),
            csv_of({folder / "b.h5", folder / "a.h5"}));
}

TEST_F(MergeTest, PrefersTheNewerProbeAndReportsNoConflict) {
  std::vector<Row> refreshed = sample_rows(1, 2);
  for (Row& row : refreshed) {
    row.probe_version += 1;
    row.log_g2 += 0.5;
    row.train_step_loss_1 = Row::kMissing;
    row.probe_seconds = 99;
  }
  write_shard(folder / "a.h5", sample_rows(0, 4));
  write_shard(folder / "b.h5", refreshed);
  for (const auto& inputs : {std::vector{folder / "a.h5", folder / "b.h5"},
                             std::vector{folder / "b.h5", folder / "a.h5"}}) {
    const MergedTable table(inputs);
    ASSERT_EQ(table.size(), 4U);
    EXPECT_EQ(table.report().superseded, 2);
    EXPECT_EQ(table.report().duplicates, 0);
    EXPECT_TRUE(table.report().conflicts.empty());
    for (std::size_t i = 0; i < table.size(); ++i) {
      const Row& row = table.row(i);
      const bool is_new = row.trial == 1 || row.trial == 2;
      EXPECT_EQ(row.probe_version,
                sample_row(static_cast<int>(row.trial)).probe_version +
                    (is_new ? 1 : 0));
    }
  }
}

TEST_F(MergeTest, DoesNotCompareProbesThatANewerOneReplaces) {
  Row other = sample_row(1);
  other.log_g2 += 0.5;
  Row newer = sample_row(1);
  newer.probe_version += 1;
  write_shard(folder / "a.h5", {sample_row(1)});
  write_shard(folder / "b.h5", {other});
  write_shard(folder / "c.h5", {newer});
  for (const auto& order :
       {std::array{"a.h5", "b.h5", "c.h5"}, std::array{"a.h5", "c.h5", "b.h5"},
        std::array{"c.h5", "b.h5", "a.h5"}}) {
    std::vector<std::filesystem::path> inputs;
    for (const char* name : order) inputs.push_back(folder / name);
    const MergedTable table(inputs);
    EXPECT_EQ(table.report().superseded, 2);
    EXPECT_TRUE(table.report().conflicts.empty());
    EXPECT_EQ(table.row(0).probe_version, newer.probe_version);
  }
}

TEST_F(MergeTest, ReportsAnotherOutcomeOfARowWithANewerProbe) {
  Row other = sample_row(1);
  other.probe_version += 1;
  other.t_star += 1;
  write_shard(folder / "a.h5", sample_rows(0, 3));
  write_shard(folder / "b.h5", {other});
  EXPECT_THAT(MergedTable({folder}).report().conflicts,
              ElementsAre(other.key.str()));
}

TEST_F(MergeTest, TakesOnlyRowsThatMatchAllFilters) {
  write_shard(folder / "a.h5", sample_rows(0, 12));
  const MergedTable table(
      {folder}, {RowFilter("optimizer=adam"), RowFilter("batch_size=64")});
  EXPECT_EQ(table.size() + static_cast<std::size_t>(table.report().filtered),
            12U);
  ASSERT_GT(table.size(), 0U);
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(table.row(i).optimizer.view(), "adam");
    EXPECT_EQ(table.row(i).batch_size, 64);
  }
}

TEST_F(MergeTest, LeavesOutRowsThatHaveAValue) {
  write_shard(folder / "a.h5", sample_rows(0, 12));
  const MergedTable with({folder}, {RowFilter("batch_size=64")});
  const MergedTable without({folder}, {RowFilter("batch_size!=64")});
  ASSERT_GT(without.size(), 0U);
  EXPECT_EQ(with.size() + without.size(), 12U);
  for (std::size_t i = 0; i < without.size(); ++i) {
    EXPECT_NE(without.row(i).batch_size, 64);
  }
}

TEST_F(MergeTest, NamesFiltersThatLeaveNothingOut) {
  write_shard(folder / "a.h5", sample_rows(0, 12));
  EXPECT_TRUE(MergedTable({folder}, {RowFilter("batch_size!=64")})
                  .report()
                  .idle_filters.empty());
  EXPECT_THAT(MergedTable({folder}, {RowFilter("batch_size!=64"),
                                     RowFilter("batch_size!=7")})
                  .report()
                  .idle_filters,
              ElementsAre("batch_size!=7"));
}

TEST(RowFilter, SaysWhatIsWrongWithACondition) {
  EXPECT_THAT(user_error_of([] { RowFilter("max_steps"); }),
              HasSubstr("COLUMN=VALUE"));
  EXPECT_THAT(user_error_of([] { RowFilter("max_step=5"); }),
              HasSubstr("no column 'max_step'"));
  EXPECT_THAT(user_error_of([] { RowFilter("max_steps=many"); }),
              HasSubstr("holds whole numbers"));
  EXPECT_THAT(user_error_of([] { RowFilter("converged=1"); }),
              HasSubstr("true or false"));
}

TEST(RowFilter, ComparesNumbersAsNumbers) {
  Row row;
  row.weight_decay = 1e-4;
  row.converged = true;
  EXPECT_TRUE(RowFilter("weight_decay=0.0001").matches(row));
  EXPECT_TRUE(RowFilter("weight_decay=1e-4").matches(row));
  EXPECT_FALSE(RowFilter("weight_decay=1e-3").matches(row));
  EXPECT_TRUE(RowFilter("converged=true").matches(row));
  EXPECT_TRUE(RowFilter("optimizer=adamw").matches(row));
}

TEST(RowFilter, TellsLargeWholeNumbersApart) {
  Row row;
  row.seed = 14381913247731633126U;
  EXPECT_TRUE(RowFilter("seed=14381913247731633126").matches(row));
  EXPECT_FALSE(RowFilter("seed=14381913247731633127").matches(row));
}

TEST_F(MergeTest, NaNsOfDifferentBitsAreNoConflict) {
  Row row = sample_row(1);
  row.log_tau = NAN;
  Row other = row;
  other.log_tau = -NAN;
  write_shard(folder / "a.h5", {row});
  write_shard(folder / "b.h5", {other});
  EXPECT_TRUE(MergedTable({folder}).report().conflicts.empty());
}

TEST_F(MergeTest, TheSameRowsGiveTheSameCsvWhateverTheFiles) {
  std::vector<Row> rows = sample_rows(0, 30);
  write_shard(folder / "whole.h5", rows);
  std::ranges::reverse(rows);
  for (Row& row : rows) row.probe_seconds = 7;
  const std::vector<Row> half(rows.begin(), rows.begin() + 20);
  const std::vector<Row> rest(rows.begin() + 10, rows.end());
  std::filesystem::create_directory(folder / "parts");
  write_shard(folder / "parts/a.h5", half);
  write_shard(folder / "parts/b.h5", rest);
  const std::string whole = csv_of({folder / "whole.h5"});
  EXPECT_EQ(std::ranges::count(whole, '\n'), 31);
  EXPECT_EQ(whole, csv_of({folder / "parts"}));
  EXPECT_EQ(whole, csv_of({folder / "parts/b.h5", folder / "parts/a.h5",
                           folder / "whole.h5"}));
}

TEST_F(MergeTest, LeavesUnreadableShardsAloneAndNamesThem) {
  write_shard(folder / "a.h5", sample_rows(0, 3));
  const std::string image = shard_image(sample_rows(3, 3), {}, {});
  write_bytes(folder / "half.h5", image.substr(0, image.size() / 2));
  write_bytes(folder / "text.h5", "hello");
  const MergedTable table({folder});
  EXPECT_EQ(table.size(), 3);
  EXPECT_EQ(table.report().rows_read, 3);
  ASSERT_EQ(table.report().unreadable.size(), 2);
  EXPECT_EQ(table.report().unreadable[0].path, folder / "half.h5");
  EXPECT_THAT(table.report().unreadable[1].reason, HasSubstr("no HDF5 file"));
  EXPECT_TRUE(std::filesystem::exists(folder / "half.h5"));
}

TEST_F(MergeTest, RefusesInputsThatAreNotThere) {
  EXPECT_THAT(user_error_of([&] { MergedTable({folder / "x.h5"}); }),
              HasSubstr("x.h5: no such file"));
  EXPECT_THAT(user_error_of([&] { MergedTable({folder}); }),
              HasSubstr("no shards (*.h5) in this folder"));
}

TEST_F(MergeTest, CompactsRowsWithTheirCurvesIntoOneShard) {
  ShardWriter::Options options;
  options.directory = folder;
  options.rows_per_shard = 4;
  options.prefix = "part";
  options.provenance = sample_provenance();
  ShardWriter writer(options);
  for (int i = 0; i < 5; ++i) {
    const float first = static_cast<float>(i);
    writer.add(sample_rows(2 * i, 2), std::vector<float>{first, first / 2});
  }
  writer.add({sample_row(10)}, {});
  writer.flush();
  const MergedTable parts({folder});
  ASSERT_EQ(parts.report().files, 3);

  std::filesystem::create_directory(folder / "one");
  const std::filesystem::path one = folder / "one/all.h5";
  export_shard(parts, one);
  EXPECT_EQ(csv_of({folder}), csv_of({one}));
  EXPECT_EQ(provenance_but_end(one), sample_provenance());
  const std::vector<float> losses = read_curves(one);
  EXPECT_EQ(losses.size(), 10) << "each curve once";
  for (const Row& row : rows_of(one)) {
    EXPECT_EQ(row.curve_length, row.trial == 10 ? 0 : 2);
    if (row.curve_length == 0) continue;
    const auto place = static_cast<std::size_t>(row.curve_offset);
    const std::int64_t trajectory = row.trial / 2;
    const auto first = static_cast<float>(trajectory);
    EXPECT_EQ(losses[place], first);
    EXPECT_EQ(losses[place + 1], first / 2);
  }
}

TEST_F(MergeTest, ACompactedShardSaysWhatAllItsSourcesSay) {
  Provenance other = sample_provenance();
  other.attributes[0].second = "another host";
  write_shard(folder / "a.h5", {sample_row(0)});
  write_bytes(folder / "b.h5", shard_image(sample_rows(1, 1), {}, other));
  export_shard(MergedTable({folder}), folder / "all.h5");
  const Provenance common{{{"protocol_version", "1"}},
                          sample_provenance().config_yaml};
  EXPECT_EQ(read_provenance(folder / "all.h5"), common);
}

}  // namespace
}  // namespace cape::shard
