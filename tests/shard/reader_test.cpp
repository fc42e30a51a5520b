#include "shard/reader.h"

#include <fcntl.h>
#include <sys/file.h>

#include <random>

#include "core/file_handle.h"
#include "hdf5/hdf5.h"
#include "sample.h"
#include "shard/record.h"

/// HDF5 leaks some of what it has read when the rest is damaged.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace cape::shard {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class ShardReaderTest : public ShardTest {
 protected:
  const std::filesystem::path path = folder / "shard.h5";

  /// Expects that all readers refuse the file and name it.
  void expect_refused(const std::string& reason) {
    const auto says = AllOf(HasSubstr(path.string()), HasSubstr(reason));
    EXPECT_THAT(user_error_of([&] { rows_of(path); }), says);
    EXPECT_THAT(user_error_of([&] { read_curves(path); }), says);
    EXPECT_THAT(user_error_of([&] { read_provenance(path); }), says);
  }

  /// Lets `edit` change the content of the shard; the checksum is gone then.
  template <class Edit>
  void edit_shard(Edit edit) {
    write_shard(path, sample_rows(0, 3));
    const hdf5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT),
                            H5Fclose, "open");
    edit(file);
  }
};

TEST_F(ShardReaderTest, ReadsMoreRowsThanFitInOnePiece) {
  write_shard(path, sample_rows(0, 10'000));
  int number = 0;
  for_each_row(path, [&](const Row& row) {
    ASSERT_EQ(compare_content(row, sample_row(number++)), 0);
  });
  EXPECT_EQ(number, 10'000);
}

TEST_F(ShardReaderTest, ReadsAShardWithoutRows) {
  write_shard(path, {});
  EXPECT_TRUE(rows_of(path).empty());
  EXPECT_TRUE(read_curves(path).empty());
}

TEST_F(ShardReaderTest, WhatTheCallerThrowsPassesUnchanged) {
  write_shard(path, sample_rows(0, 3));
  EXPECT_THROW(for_each_row(path, [](const Row&) { throw 7; }), int);
}

TEST_F(ShardReaderTest, RefusesWhatIsNoShard) {
  expect_refused("No such file");
  write_bytes(path, "");
  expect_refused("empty file");
  write_bytes(path, "hello");
  expect_refused("no HDF5 file");
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);
  expect_refused("no regular file");
}

TEST_F(ShardReaderTest, RefusesAnHdf5FileOfSomethingElse) {
  write_bytes(path, hdf5::file_image(hdf5::create_in_memory()));
  expect_refused("no attribute schema_version");
}

TEST_F(ShardReaderTest, RefusesANewerFormat) {
  edit_shard([](const hdf5::Handle& file) {
    H5Adelete(file, "format_version");
    hdf5::write_attribute(file, "format_version", kFormatVersion + 1);
  });
  expect_refused(fmt::format("format_version is {}", kFormatVersion + 1));
}

TEST_F(ShardReaderTest, ReadsANewerSchema) {
  edit_shard([](const hdf5::Handle& file) {
    H5Adelete(file, "schema_version");
    hdf5::write_attribute(file, "schema_version", kSchemaVersion + 1);
  });
  EXPECT_EQ(rows_of(path).size(), 3U);
}

TEST_F(ShardReaderTest, RefusesAFileWithoutTrials) {
  edit_shard(
      [](const hdf5::Handle& file) { H5Ldelete(file, "trials", H5P_DEFAULT); });
  EXPECT_THAT(user_error_of([&] { rows_of(path); }),
              AllOf(HasSubstr(path.string()), HasSubstr("no /trials")));
}

/// Replaces /trials by an empty table with these columns.
void replace_trials(const hdf5::Handle& file, std::size_t size,
                    const std::vector<hdf5::Member>& members) {
  H5Ldelete(file, "trials", H5P_DEFAULT);
  hdf5::create_table(file, "trials", hdf5::compound_type(size, members), 8);
}

TEST_F(ShardReaderTest, RefusesAMissingColumnAndOneOfAnotherType) {
  edit_shard([](const hdf5::Handle& file) {
    std::vector<hdf5::Member> members;
    members.push_back({"key", 0, hdf5::string_type(32)});
    replace_trials(file, 32, members);
  });
  EXPECT_THAT(user_error_of([&] { rows_of(path); }),
              AllOf(HasSubstr(path.string()), HasSubstr("'trajectory'")));
  edit_shard([](const hdf5::Handle& file) {
    std::vector<hdf5::Member> members;
    members.push_back({"key", 0, hdf5::copy_of(H5T_IEEE_F64LE)});
    replace_trials(file, 8, members);
  });
  EXPECT_THAT(user_error_of([&] { rows_of(path); }),
              AllOf(HasSubstr("'key'"), HasSubstr("another type")));
}

/// Stores these rows as a program of an older schema did: without the columns
/// that came later.
void store_as_schema(const hdf5::Handle& file, int version,
                     const std::vector<Row>& rows) {
  TextWidths widths;
  for (const Row& row : rows) widths.add(row);
  const RecordLayout all = widths.layout();
  std::vector<hdf5::Member> members;
  for (const Field& field : all.fields()) {
    if (field.column->since > version) continue;
    const hdf5::Handle record = all.type();
    const int index =
        H5Tget_member_index(record, std::string(field.column->name).c_str());
    members.push_back(
        {std::string(field.column->name), field.offset,
         hdf5::Handle(H5Tget_member_type(record, static_cast<unsigned>(index)),
                      H5Tclose, "get a type")});
  }
  const hdf5::Handle type = hdf5::compound_type(all.size(), members);
  std::string records;
  for (const Row& row : rows) append_record(all, row, records);
  H5Ldelete(file, "trials", H5P_DEFAULT);
  hdf5::append(hdf5::create_table(file, "trials", hdf5::packed(type), 64), type,
               rows.size(), records.data());
  H5Adelete(file, "schema_version");
  hdf5::write_attribute(file, "schema_version", version);
}

TEST_F(ShardReaderTest, GivesColumnsThatAnOlderSchemaLacksTheirDefaults) {
  const std::vector<Row> rows = sample_rows(0, 5);
  for (int version = 1; version < kSchemaVersion; ++version) {
    edit_shard([&](const hdf5::Handle& file) {
      store_as_schema(file, version, rows);
    });
    const std::vector<Row> read = rows_of(path);
    ASSERT_EQ(read.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (const Column& column : columns()) {
        const Row& expected = column.since > version ? Row() : rows[i];
        EXPECT_EQ(bytes_of(read[i], column), bytes_of(expected, column))
            << column.name << " of schema " << version;
      }
    }
  }
}

TEST_F(ShardReaderTest, ReadsASchema4ShardAsItIsInTheRepository) {
  const std::vector<Row> rows = rows_of(CAPE_FIXTURES "/schema_4.h5");
  ASSERT_EQ(rows.size(), 6U);
  const Row& first = rows.front();
  EXPECT_EQ(first.family.view(), "mlp");
  EXPECT_EQ(first.optimizer.view(), "adamw");
  EXPECT_EQ(first.weight_decay, 1e-4);
  EXPECT_EQ(first.max_steps, 5000);
  EXPECT_EQ(first.plateau_window, 200);
  EXPECT_EQ(first.plateau_tolerance, 1e-4);
  EXPECT_EQ(first.revision, 0);
  EXPECT_EQ(first.probe_version, 1);
  EXPECT_GT(first.t_star, 0);
  EXPECT_EQ(read_curve(CAPE_FIXTURES "/schema_4.h5", first.curve_offset,
                       first.curve_length)
                .losses.size(),
            static_cast<std::size_t>(first.curve_length));
}

TEST_F(ShardReaderTest, ReadsASchema5ShardAsItIsInTheRepository) {
  const std::vector<Row> rows = rows_of(CAPE_FIXTURES "/schema_5.h5");
  ASSERT_EQ(rows.size(), 8U);
  const auto sgd = std::ranges::find_if(
      rows, [](const Row& row) { return row.optimizer.view() == "sgd"; });
  ASSERT_NE(sgd, rows.end());
  EXPECT_EQ(sgd->optimizer_json.view(),
            R"({"kind":"sgd","momentum":0.5,"nesterov":false})");
  EXPECT_EQ(sgd->max_steps, 60);
  EXPECT_EQ(sgd->probe_version, 1);
  EXPECT_TRUE(std::isfinite(sgd->log_line_4));
  EXPECT_TRUE(std::isnan(sgd->train_loss_0));
  EXPECT_TRUE(std::isnan(sgd->weight_layers));
  EXPECT_EQ(read_curve(CAPE_FIXTURES "/schema_5.h5", sgd->curve_offset,
                       sgd->curve_length)
                .losses.size(),
            static_cast<std::size_t>(sgd->curve_length));
}

TEST_F(ShardReaderTest, ReadsASchema6ShardAsItIsInTheRepository) {
  const std::vector<Row> rows = rows_of(CAPE_FIXTURES "/schema_6.h5");
  ASSERT_EQ(rows.size(), 8U);
  const Row& row = rows.front();
  EXPECT_TRUE(std::isfinite(row.input_rms));
  EXPECT_EQ(row.criterion.view(), "epsilon");
  EXPECT_EQ(row.samples, 0);
  EXPECT_EQ(row.max_epochs, 0);
  EXPECT_TRUE(std::isnan(row.validation_loss));
  // It has no steps of curves: these are 0, 1, 2, ...
  EXPECT_TRUE(read_curve_steps(CAPE_FIXTURES "/schema_6.h5").empty());
  const Curve curve = read_curve(CAPE_FIXTURES "/schema_6.h5", row.curve_offset,
                                 row.curve_length);
  ASSERT_GT(curve.steps.size(), 2U);
  EXPECT_EQ(curve.steps[2], 2);
}

TEST_F(ShardReaderTest, ReadsASchema7ShardAsItIsInTheRepository) {
  const std::vector<Row> rows = rows_of(CAPE_FIXTURES "/schema_7.h5");
  ASSERT_EQ(rows.size(), 8U);
  const auto stopping =
      std::ranges::find(rows, "early_stopping",
                        [](const Row& row) { return row.criterion.view(); });
  ASSERT_NE(stopping, rows.end());
  EXPECT_GT(stopping->best_epoch, 0);
  EXPECT_TRUE(std::isfinite(stopping->set_rank_400));
  EXPECT_TRUE(std::isnan(stopping->set_kernel_held_out_4));
  const Curve curve =
      read_curve(CAPE_FIXTURES "/schema_7.h5", stopping->validation_offset,
                 stopping->validation_length);
  EXPECT_EQ(curve.steps.front(), stopping->steps_per_epoch);
}

TEST_F(ShardReaderTest, ReadsASchema8ShardAsItIsInTheRepository) {
  const std::vector<Row> rows = rows_of(CAPE_FIXTURES "/schema_8.h5");
  ASSERT_EQ(rows.size(), 8U);
  EXPECT_EQ(rows.front().probe_version, 3);
  EXPECT_GT(rows.front().weight_layers, 1);
  EXPECT_TRUE(std::isnan(rows.front().dropout_rate));
}

/// Replaces /trials, or /curves/loss, by a dataset without any values.
void replace_by_empty(const hdf5::Handle& file, const char* name,
                      const hdf5::Handle& type, hsize_t length,
                      const hdf5::Handle& layout) {
  H5Ldelete(file, name, H5P_DEFAULT);
  const hdf5::Handle space(H5Screate_simple(1, &length, nullptr), H5Sclose,
                           "make a space");
  const hdf5::Handle dataset(
      H5Dcreate2(file, name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT),
      H5Dclose, "make a dataset");
}

hdf5::Handle chunked(hsize_t length) {
  hdf5::Handle layout(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make a list");
  H5Pset_chunk(layout, 1, &length);
  return layout;
}

/// Replaces /trials by the same rows in this layout.
void store_rows(const hdf5::Handle& file, const std::vector<Row>& rows,
                const hdf5::Handle& layout) {
  TextWidths widths;
  for (const Row& row : rows) widths.add(row);
  const RecordLayout records = widths.layout();
  std::string bytes;
  for (const Row& row : rows) append_record(records, row, bytes);
  replace_by_empty(file, "trials", records.type(), rows.size(), layout);
  const hdf5::Handle trials =
      hdf5::Handle(H5Dopen2(file, "trials", H5P_DEFAULT), H5Dclose, "open");
  ASSERT_GE(H5Dwrite(trials, records.type(), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                     bytes.data()),
            0);
}

TEST_F(ShardReaderTest, ReadsRowsHoweverTheyAreStored) {
  using Filter = void (*)(const hdf5::Handle& layout);
  const Filter shuffle = [](const auto& layout) { H5Pset_shuffle(layout); };
  const Filter deflate = [](const auto& layout) { H5Pset_deflate(layout, 1); };
  const Filter sum = [](const auto& layout) { H5Pset_fletcher32(layout); };
  const std::vector<Row> rows = sample_rows(0, 600);
  for (const hsize_t chunk : {7, 256, 600}) {
    for (const std::vector<Filter>& filters :
         std::vector<std::vector<Filter>>{{},
                                          {shuffle},
                                          {deflate},
                                          {shuffle, deflate},
                                          {deflate, shuffle},
                                          {shuffle, deflate, sum}}) {
      edit_shard([&](const hdf5::Handle& file) {
        const hdf5::Handle layout = chunked(chunk);
        for (const Filter filter : filters) filter(layout);
        store_rows(file, rows, layout);
      });
      const std::vector<Row> read = rows_of(path);
      ASSERT_EQ(read.size(), rows.size());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        expect_same_row(read[i], rows[i]);
      }
    }
  }
}

TEST_F(ShardReaderTest, SkipsAndNamesColumnsOfANewerProgram) {
  const std::vector<Row> rows = sample_rows(0, 300);
  TextWidths widths;
  for (const Row& row : rows) widths.add(row);
  const RecordLayout layout = widths.layout();
  // As a later program might store it, with columns of its own at both ends.
  std::vector<hdf5::Member> members;
  members.push_back({"log_width", 0, hdf5::copy_of(H5T_IEEE_F64LE)});
  const hdf5::Handle record = layout.type();
  for (const Field& field : layout.fields()) {
    const int index =
        H5Tget_member_index(record, std::string(field.column->name).c_str());
    members.push_back(
        {std::string(field.column->name), 8 + field.offset,
         hdf5::Handle(H5Tget_member_type(record, static_cast<unsigned>(index)),
                      H5Tclose, "get a type")});
  }
  members.push_back({"scheduler", 8 + layout.size(), hdf5::string_type(8)});
  const hdf5::Handle type = hdf5::compound_type(16 + layout.size(), members);
  std::string bytes;
  for (const Row& row : rows) {
    bytes += "loglogl!";
    append_record(layout, row, bytes);
    bytes += "constant";
  }
  edit_shard([&](const hdf5::Handle& file) {
    H5Ldelete(file, "trials", H5P_DEFAULT);
    hdf5::append(hdf5::create_table(file, "trials", hdf5::packed(type), 64),
                 type, rows.size(), bytes.data());
  });
  std::vector<Row> read;
  const ShardContent content =
      for_each_row(path, [&](const Row& row) { read.push_back(row); });
  EXPECT_THAT(content.unknown_columns,
              testing::ElementsAre("log_width", "scheduler"));
  ASSERT_EQ(read.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    expect_same_row(read[i], rows[i]);
  }
}

TEST_F(ShardReaderTest, KeepsDescriptionsOfAnyLength) {
  std::vector<Row> rows = sample_rows(0, 4);
  rows[2].architecture_json =
      R"({"layers":")" + std::string(20'000, 'x') + "\"}";
  rows[3].architecture = std::string(300, 'y');
  write_shard(path, rows);
  const std::vector<Row> read = rows_of(path);
  ASSERT_EQ(read.size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    expect_same_row(read[i], rows[i]);
  }
  EXPECT_LT(std::filesystem::file_size(path), 60'000U);
}

TEST_F(ShardReaderTest, RefusesAChunkThatIsDamaged) {
  for (const std::string& bytes :
       {std::string("no zlib"), std::string(100'000, 'x')}) {
    edit_shard([&](const hdf5::Handle& file) {
      const hdf5::Handle trials = hdf5::open_dataset(file, "trials");
      const hsize_t first = 0;
      ASSERT_GE(H5Dwrite_chunk(trials, H5P_DEFAULT, 0, &first, bytes.size(),
                               bytes.data()),
                0);
    });
    EXPECT_THAT(user_error_of([&] { rows_of(path); }),
                AllOf(HasSubstr(path.string()), HasSubstr("damaged")));
  }
}

TEST_F(ShardReaderTest, RefusesMoreThanTheFileCanHold) {
  edit_shard([](const hdf5::Handle& file) {
    replace_by_empty(file, "trials", TextWidths().layout().type(), 1ULL << 50,
                     chunked(8));
    replace_by_empty(file, "curves/loss", hdf5::copy_of(H5T_IEEE_F32LE),
                     1ULL << 60, chunked(8));
  });
  const auto refuses = HasSubstr("more than the file can hold");
  EXPECT_THAT(user_error_of([&] { rows_of(path); }), refuses);
  EXPECT_THAT(user_error_of([&] { read_curves(path); }), refuses);
}

TEST_F(ShardReaderTest, RefusesChunksThatFillTheMemory) {
  edit_shard([](const hdf5::Handle& file) {
    replace_by_empty(file, "curves/loss", hdf5::copy_of(H5T_IEEE_F32LE),
                     1 << 28, chunked(1 << 28));
  });
  EXPECT_THAT(user_error_of([&] { read_curves(path); }), HasSubstr("64 MB"));
}

TEST_F(ShardReaderTest, RefusesWhatIsInOtherFiles) {
  const std::filesystem::path other = folder / "other.h5";
  write_shard(other, sample_rows(0, 3));
  edit_shard([&](const hdf5::Handle& file) {
    H5Ldelete(file, "trials", H5P_DEFAULT);
    H5Lcreate_external(other.c_str(), "/trials", file, "trials", H5P_DEFAULT,
                       H5P_DEFAULT);
    const hdf5::Handle layout(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make");
    H5Pset_external(layout, other.c_str(), 0, 64);
    replace_by_empty(file, "curves/loss", hdf5::copy_of(H5T_IEEE_F32LE), 16,
                     layout);
  });
  EXPECT_THROW(rows_of(path), UserError);
  EXPECT_THAT(user_error_of([&] { read_curves(path); }),
              HasSubstr("in other files"));
}

TEST_F(ShardReaderTest, RefusesAConfigurationOfSeveralTexts) {
  edit_shard([](const hdf5::Handle& file) {
    const hdf5::Handle layout(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make");
    replace_by_empty(file, "config", hdf5::string_type(H5T_VARIABLE), 2,
                     layout);
    const hdf5::Handle config(H5Dopen2(file, "config", H5P_DEFAULT), H5Dclose,
                              "open");
    const char* const texts[] = {"a", "b"};
    H5Dwrite(config, hdf5::string_type(H5T_VARIABLE), H5S_ALL, H5S_ALL,
             H5P_DEFAULT, texts);
  });
  EXPECT_THAT(user_error_of([&] { read_provenance(path); }),
              HasSubstr("another type"));
}

TEST_F(ShardReaderTest, ReadsAShardThatWasEditedInPlace) {
  edit_shard([](const hdf5::Handle& file) {
    hdf5::write_attribute(file, "note", std::string("mine"));
  });
  EXPECT_EQ(rows_of(path).size(), 3);
}

TEST_F(ShardReaderTest, AsksForNoLock) {
  // Some network file systems cannot lock, and jobs that died leave locks.
  write_shard(path, sample_rows(0, 3));
  const FileHandle held = open_file(path, O_RDONLY);
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  EXPECT_EQ(rows_of(path).size(), 3U);
}

TEST_F(ShardReaderTest, RefusesEveryTruncation) {
  const std::string image =
      shard_image(sample_rows(0, 3), std::vector<float>(9, 1.F), {});
  // A shard that ends just before its checksum line is whole still.
  const std::size_t content = image.rfind("\nCAPE");
  for (std::size_t size = 0; size < content; size += size < 200 ? 1 : 97) {
    write_bytes(path, image.substr(0, size));
    EXPECT_THROW(rows_of(path), UserError) << size << " bytes";
  }
  for (std::size_t size = content + 1; size < image.size(); ++size) {
    write_bytes(path, image.substr(0, size));
    EXPECT_THROW(rows_of(path), UserError) << size << " bytes";
  }
}

TEST_F(ShardReaderTest, RefusesEveryChangedByte) {
  const std::string image =
      shard_image(sample_rows(0, 3), std::vector<float>(9, 1.F), {});
  std::mt19937_64 random(1);
  for (int i = 0; i < 500; ++i) {
    std::string damaged = image;
    const std::size_t place = random() % (image.size() - 1);
    damaged[place] = static_cast<char>(damaged[place] ^ (1 + random() % 255));
    write_bytes(path, damaged);
    EXPECT_THROW(rows_of(path), UserError) << "byte " << place;
  }
}

TEST_F(ShardReaderTest, SurvivesDamageThatNoChecksumTells) {
  // HDF5 1.10.8 crashes on some of these.
  std::string image = shard_image(sample_rows(0, 2), {}, sample_provenance());
  image.resize(image.rfind("\nCAPE"));
  std::mt19937_64 random(1);
  for (int i = 0; i < 150; ++i) {
    std::string damaged = image;
    for (int n = 0; n < 4; ++n) {
      damaged[random() % 6000] = static_cast<char>(random());
    }
    write_bytes(path, damaged);
    try {
      rows_of(path);
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), HasSubstr(path.string()));
    }
  }
}

TEST_F(ShardReaderTest, ListsShardsByName) {
  for (const char* name : {"b.h5", "a.h5", "failed-0.jsonl", ".c.h5.7.tmp"}) {
    write_bytes(folder / name, "");
  }
  EXPECT_THAT(shards_in(folder),
              testing::ElementsAre(folder / "a.h5", folder / "b.h5"));
  EXPECT_THAT(user_error_of([&] { shards_in(folder / "away"); }),
              HasSubstr("cannot be listed"));
}

}  // namespace
}  // namespace cape::shard
