#include "shard/writer.h"

#include <sys/resource.h>

#include <csignal>

#include "core/units.h"
#include "sample.h"

namespace cape::shard {
namespace {

using testing::ElementsAre;

class ShardWriterTest : public ShardTest {
 protected:
  ShardWriter::Options options() const {
    ShardWriter::Options options;
    options.directory = folder;
    options.prefix = "run-0of1-ab-r0";
    options.provenance = sample_provenance();
    return options;
  }
  std::filesystem::path file(int sequence) const {
    return folder / fmt::format("run-0of1-ab-r0-{:04}.h5", sequence);
  }
};

TEST_F(ShardWriterTest, EveryColumnComesBackBitForBit) {
  const std::vector<Row> rows = sample_rows(0, 5);
  const std::vector<float> losses = {2.5F, NAN, 1e-30F};
  ShardWriter writer(options());
  writer.add({rows[0], rows[1]}, losses);
  writer.add({rows[2]}, {});
  writer.add({rows[3], rows[4]}, std::span(losses).first(2));
  writer.flush();

  const std::vector<Row> found = rows_of(file(0));
  ASSERT_EQ(found.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    expect_same_row(found[i], rows[i], {"curve_offset", "curve_length"});
  }
  const std::vector<float> curves = read_curves(file(0));
  EXPECT_THAT(curves, ElementsAre(2.5F, testing::IsNan(), 1e-30F, 2.5F,
                                  testing::IsNan()));
  EXPECT_EQ(found[1].curve_offset, 0);
  EXPECT_EQ(found[1].curve_length, 3);
  EXPECT_EQ(found[2].curve_length, 0);
  EXPECT_EQ(found[3].curve_offset, 3);
  EXPECT_EQ(found[3].curve_length, 2);
}

TEST_F(ShardWriterTest, KeepsWhatTheRunSaysOfItself) {
  ShardWriter::Options with_long_config = options();
  // More than an attribute could hold.
  with_long_config.provenance.config_yaml.assign(200'000, 'x');
  ShardWriter writer(with_long_config);
  writer.add({sample_row(0)}, {});
  writer.flush();
  EXPECT_EQ(provenance_but_end(file(0)), with_long_config.provenance);
}

TEST_F(ShardWriterTest, SaysWhenTheRunEnded) {
  ShardWriter writer(options());
  writer.add({sample_row(0)}, {});
  const std::string before = utc_now();
  writer.flush();
  std::string ended;
  for (const auto& [name, text] : read_provenance(file(0)).attributes) {
    if (name == "ended") ended = text;
  }
  EXPECT_LE(before, ended);
  EXPECT_LE(ended, utc_now());
}

TEST_F(ShardWriterTest, KnowsHowMuchIsHeldUntilItIsPublished) {
  ShardWriter writer(options());
  EXPECT_EQ(writer.unpublished_bytes(), 0);
  writer.add({sample_row(0)}, std::vector<float>(1000));
  EXPECT_EQ(writer.unpublished_bytes(), 8000 + sizeof(Row));  // with steps
  writer.flush();
  EXPECT_EQ(writer.unpublished_bytes(), 0);
}

TEST_F(ShardWriterTest, TheSameRowsAreTheSameBytes) {
  const std::vector<Row> rows = sample_rows(0, 300);
  EXPECT_EQ(shard_image(rows, {}, sample_provenance()),
            shard_image(rows, {}, sample_provenance()));
}

TEST_F(ShardWriterTest, RewritesTheGrowingFileAndWritesNothingTwice) {
  ShardWriter writer(options());
  writer.flush();
  EXPECT_FALSE(std::filesystem::exists(file(0))) << "nothing to publish";
  writer.add({sample_row(0)}, {});
  EXPECT_EQ(writer.unpublished_rows(), 1);
  writer.flush();
  EXPECT_EQ(writer.unpublished_rows(), 0);
  writer.add({sample_row(1)}, {});
  writer.flush();
  EXPECT_EQ(rows_of(file(0)).size(), 2);
  std::filesystem::remove(file(0));
  writer.flush();
  EXPECT_FALSE(std::filesystem::exists(file(0))) << "nothing new";
}

TEST_F(ShardWriterTest, StartsTheNextFileWithoutSplittingATrajectory) {
  ShardWriter::Options small = options();
  small.rows_per_shard = 5;
  ShardWriter writer(small);
  for (int i = 0; i < 3; ++i) {
    writer.add(sample_rows(2 * i, 2), std::vector<float>{1.F * i});
  }
  writer.add(sample_rows(6, 7), std::vector<float>{3.F});
  writer.flush();
  EXPECT_EQ(rows_of(file(0)).size(), 4);
  EXPECT_EQ(rows_of(file(1)).size(), 2);
  EXPECT_EQ(rows_of(file(2)).size(), 7) << "larger than a file";
  EXPECT_THAT(read_curves(file(0)), ElementsAre(0.F, 1.F));
  EXPECT_THAT(read_curves(file(1)), ElementsAre(2.F));
  EXPECT_EQ(rows_of(file(1)).front().curve_offset, 0);
}

TEST_F(ShardWriterTest, KeepsTheStepsOfTrainingAndValidationCurves) {
  const Curve training({4.F, 3.F, 2.F}, {0, 1, 42});
  const Curve validation({5.F, 6.F}, {30, 60});
  {
    ShardWriter writer(options());
    writer.add({sample_row(0)}, std::vector<float>{1.F, 0.5F});
    writer.add({sample_row(1), sample_row(2)}, {training, validation});
    writer.flush();
  }
  const std::vector<Row> rows = rows_of(file(0));
  ASSERT_EQ(rows.size(), 3U);
  const auto curve = [&](std::int64_t offset, std::int64_t length) {
    return read_curve(file(0), offset, length);
  };
  EXPECT_EQ(curve(rows[0].curve_offset, rows[0].curve_length),
            Curve({1.F, 0.5F}, {0, 1}));
  EXPECT_EQ(rows[0].validation_length, 0);
  for (const Row& row : {rows[1], rows[2]}) {
    EXPECT_EQ(curve(row.curve_offset, row.curve_length), training);
    EXPECT_EQ(curve(row.validation_offset, row.validation_length), validation);
  }
  EXPECT_THAT(read_curve_steps(file(0)), ElementsAre(0, 1, 0, 1, 42, 30, 60));
}

TEST_F(ShardWriterTest, StartsTheNextFileWhenCurvesFillIt) {
  ShardWriter::Options small = options();
  small.bytes_per_shard = 100'000;
  ShardWriter writer(small);
  const std::vector<float> losses(5000, 1.F);
  for (int i = 0; i < 4; ++i) writer.add({sample_row(i)}, losses);
  writer.flush();
  EXPECT_EQ(rows_of(file(0)).size(), 2);
  EXPECT_EQ(rows_of(file(1)).size(), 2);
}

TEST_F(ShardWriterTest, KeepsRowsWhileTheDirectoryIsAway) {
  ShardWriter::Options elsewhere = options();
  elsewhere.directory = folder / "away";
  elsewhere.rows_per_shard = 2;
  ShardWriter writer(elsewhere);
  writer.add(sample_rows(0, 2), {});
  writer.add(sample_rows(2, 2), {});
  EXPECT_THROW(writer.flush(), StoppedError);
  EXPECT_EQ(writer.unpublished_rows(), 4);
  std::filesystem::create_directory(elsewhere.directory);
  writer.flush();
  EXPECT_EQ(writer.unpublished_rows(), 0);
  std::size_t rows = 0;
  for (const auto& shard : shards_in(elsewhere.directory)) {
    rows += rows_of(shard).size();
  }
  EXPECT_EQ(rows, 4);
}

/// Makes every file end at `bytes`, like a full disk, while it lives.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes)
      : old_handler_(signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{bytes, old_limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    signal(SIGXFSZ, old_handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  sighandler_t old_handler_;
  rlimit old_limit_{};
};

TEST_F(ShardWriterTest, AWriteThatFailsHalfWayLeavesThePublishedFileWhole) {
  ShardWriter writer(options());
  writer.add({sample_row(0)}, {});
  writer.flush();
  writer.add(sample_rows(1, 100), {});
  {
    const FileSizeLimit full_disk(4096);
    EXPECT_THROW(writer.flush(), StoppedError);
  }
  EXPECT_EQ(writer.unpublished_rows(), 100);
  EXPECT_EQ(rows_of(file(0)).size(), 1);
  const std::filesystem::directory_iterator files(folder);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "a file is left";
  writer.flush();
  EXPECT_EQ(rows_of(file(0)).size(), 101);
}

}  // namespace
}  // namespace cape::shard
