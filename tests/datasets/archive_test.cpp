#include "datasets/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>

#include "core/error.h"
#include "core/random.h"
#include "datasets/dataset.h"
#include "support.h"

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct Member {
  std::string name;
  std::string contents = {};
  std::string link = {};  ///< makes it a symbolic link to this
  unsigned int type = AE_IFREG;
};

void write_tar(const std::filesystem::path& path,
               const std::vector<Member>& members) {
  ::archive* const tar = archive_write_new();
  archive_write_add_filter_gzip(tar);
  archive_write_set_format_pax_restricted(tar);
  ASSERT_EQ(archive_write_open_filename(tar, path.c_str()), ARCHIVE_OK);
  for (const Member& member : members) {
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.name.c_str());
    archive_entry_set_size(entry,
                           static_cast<la_int64_t>(member.contents.size()));
    archive_entry_set_filetype(entry, member.type);
    archive_entry_set_perm(entry, 0644);
    if (!member.link.empty()) {
      if (member.type == AE_IFLNK) {
        archive_entry_set_symlink(entry, member.link.c_str());
      } else {
        archive_entry_set_hardlink(entry, member.link.c_str());
      }
    }
    archive_write_header(tar, entry);
    archive_write_data(tar, member.contents.data(), member.contents.size());
    archive_entry_free(entry);
  }
  archive_write_free(tar);
}

class ArchiveTest : public testing::Test {
 protected:
  /// All members and their contents.
  std::string contents(const std::vector<Member>& members,
                       std::size_t limit = 1000) {
    write_tar(path_, members);
    return contents_of_file(limit);
  }
  std::string contents_of_file(std::size_t limit = 1000) {
    Archive archive(path_);
    std::string all;
    while (archive.next()) {
      const std::vector<std::uint8_t> bytes = archive.read(limit);
      all += archive.member() + "=" + std::string(bytes.begin(), bytes.end()) +
             ";";
    }
    return all;
  }
  std::string error_message(const Member& member) {
    return user_error([&] { contents({{"good", "x"}, member}); });
  }

  TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "archive.tar.gz";
};

TEST_F(ArchiveTest, GivesTheRegularFilesInTheirOrder) {
  EXPECT_EQ(contents({{.name = "folder/", .type = AE_IFDIR},
                      {"folder/b", "second"},
                      {"a", ""}}),
            "folder/b=second;a=;");
}

TEST_F(ArchiveTest, RefusesLinksDevicesAndNamesThatLeaveTheArchive) {
  for (const Member& member :
       {Member{"/etc/passwd", "x"}, Member{"a/../../b", "x"}, Member{"..", "x"},
        Member{"symbolic", "", "/etc/passwd", AE_IFLNK},
        Member{"hard", "", "good"}, Member{.name = "pipe", .type = AE_IFIFO},
        Member{.name = "device", .type = AE_IFCHR}}) {
    EXPECT_THAT(
        error_message(member),
        AllOf(HasSubstr(path_.string()), HasSubstr("'" + member.name + "'")));
  }
}

TEST_F(ArchiveTest, RefusesMembersAboveTheLimit) {
  const std::string full(1000, 'x');
  EXPECT_EQ(contents({{"full", full}}), "full=" + full + ";");
  EXPECT_THAT(user_error([&] {
                contents({{"full", full + "x"}});
              }),
              AllOf(HasSubstr(path_.string()), HasSubstr("'full'"),
                    HasSubstr("1001 bytes"), HasSubstr("1000")));
}

TEST_F(ArchiveTest, RefusesWhatIsNoArchive) {
  for (const std::string& bytes :
       {std::string("<html></html>"), gzip("<html></html>"),
        std::string(2048, 'x')}) {
    write_file(path_, bytes);
    EXPECT_THAT(user_error([&] { contents_of_file(); }),
                HasSubstr(path_.string()));
  }
  std::filesystem::remove(path_);
  EXPECT_THAT(user_error([&] { contents_of_file(); }),
              HasSubstr(path_.string()));
}

TEST_F(ArchiveTest, RefusesTruncationAndAnswersDamageWithAUserErrorAtMost) {
  write_tar(path_, {{"a", std::string(600, 'a')}, {"b", "bbb"}});
  const std::string whole = read_file(path_);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(path_, whole.substr(0, size));
    EXPECT_THAT(user_error([&] { contents_of_file(); }),
                HasSubstr(path_.string()))
        << size << " of " << whole.size();
  }
  Random random(5);
  for (int round = 0; round < 500; ++round) {
    std::string bytes = whole;
    bytes[random.below(static_cast<std::int64_t>(bytes.size()))] =
        static_cast<char>(random.below(256));
    write_file(path_, bytes);
    try {
      contents_of_file();
    } catch (const UserError&) {
    }
  }
}

TEST_F(ArchiveTest, DataSetsSayWhichMemberIsMissingDoubleOrTooLarge) {
  path_ = folder_.path() / "cifar-10-binary.tar.gz";
  const auto message = [&](const std::vector<Member>& members) {
    write_tar(path_, members);
    return user_error([&] { load("cifar10", {folder_.path()}); });
  };
  const std::string record(3073, '\1');
  EXPECT_THAT(message({{"x/readme.html", "x"}}),
              HasSubstr("does not hold data_batch_1.bin"));
  EXPECT_THAT(
      message({{"x/data_batch_1.bin", record}, {"y/data_batch_1.bin", record}}),
      HasSubstr("holds data_batch_1.bin twice"));
  EXPECT_THAT(message({{"x/data_batch_1.bin", std::string(30730001, 'x')}}),
              HasSubstr("has 30730001 bytes"));
  EXPECT_THAT(message({{"x/data_batch_1.bin", "x"}}),
              HasSubstr("cifar-10-binary.tar.gz:x/data_batch_1.bin: 1 bytes"));
}

}  // namespace
}  // namespace cape::datasets
