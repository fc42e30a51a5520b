#include "shard/reader.h"

#include <fcntl.h>
#include <sys/file.h>

#include <random>

#include "core/file_handle.h"
#include "sample.h"
#include "shard/hdf5.h"

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

TEST_F(ShardReaderTest, RefusesANewerSchema) {
  edit_shard([](const hdf5::Handle& file) {
    H5Adelete(file, "schema_version");
    hdf5::write_attribute(file, "schema_version", kSchemaVersion + 1);
  });
  expect_refused(fmt::format("schema_version is {}", kSchemaVersion + 1));
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
    members.push_back({"key", 0, hdf5::string_type(64)});
    replace_trials(file, 64, members);
  });
  EXPECT_THAT(user_error_of([&] { rows_of(path); }),
              AllOf(HasSubstr("'key'"), HasSubstr("another type")));
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
