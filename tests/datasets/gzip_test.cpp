#include "datasets/gzip.h"

#include <gmock/gmock.h>

#include "support.h"

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string as_text(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

class GzipTest : public testing::Test {
 protected:
  std::string read(const std::string& bytes, std::size_t limit = 1000) {
    write_file(file_, bytes);
    return as_text(read_plain_or_gzip(file_, limit));
  }
  std::string error_of(const std::string& bytes, std::size_t limit = 1000) {
    return user_error([&] { read(bytes, limit); });
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "file.gz";
};

TEST_F(GzipTest, GivesPlainAndCompressedContentsAlike) {
  EXPECT_EQ(read("some bytes"), "some bytes");
  EXPECT_EQ(read(gzip("some bytes")), "some bytes");
  EXPECT_EQ(read(gzip("")), "");
  EXPECT_EQ(read(""), "");
}

TEST_F(GzipTest, GivesAllMembersOfAFile) {
  EXPECT_EQ(read(gzip("one, ") + gzip("two")), "one, two");
}

TEST_F(GzipTest, GivesAMemberThatIsLongerThanTheLast) {
  const std::string text(900, 'x');
  EXPECT_EQ(read(gzip(text) + gzip("") + gzip("y")), text + "y");
}

TEST_F(GzipTest, GivesExactlyTheLimitAndRefusesAByteMore) {
  const std::string full(1000, 'x');
  EXPECT_EQ(read(full), full);
  EXPECT_EQ(read(gzip(full)), full);
  EXPECT_THAT(error_of(full + "x"), HasSubstr("more than the 1000 bytes"));
  EXPECT_THAT(error_of(gzip(full + "x")), HasSubstr("more than the 1000"));
}

TEST_F(GzipTest, StopsInflatingABombAtTheLimit) {
  const std::string bomb = gzip(std::string(16 << 20, '\0'));
  ASSERT_LT(bomb.size(), 100000U);
  EXPECT_THAT(error_of(bomb, 1 << 20),
              AllOf(HasSubstr(file_.string()), HasSubstr("more than")));
}

TEST_F(GzipTest, RefusesEveryTruncation) {
  const std::string whole = gzip("some bytes that are worth packing, packing");
  for (std::size_t length = 2; length < whole.size(); ++length) {
    EXPECT_THAT(error_of(whole.substr(0, length)),
                AllOf(HasSubstr(file_.string()), HasSubstr("truncated")))
        << length;
  }
}

TEST_F(GzipTest, RefusesWrongChecksumAndLength) {
  std::string checksum = gzip("some bytes");
  checksum[checksum.size() - 8] ^= 1;
  EXPECT_THAT(error_of(checksum),
              AllOf(HasSubstr(file_.string()), HasSubstr("corrupt")));
  std::string length = gzip("some bytes");
  length[length.size() - 4] ^= 1;
  EXPECT_THAT(error_of(length), HasSubstr("corrupt"));
}

TEST_F(GzipTest, RefusesWhatFollowsTheData) {
  EXPECT_THAT(error_of(gzip("some bytes") + "abc"),
              AllOf(HasSubstr(file_.string()), HasSubstr("3 bytes")));
}

TEST_F(GzipTest, NamesTheFileThatCannotBeRead) {
  EXPECT_THAT(user_error([&] { read_plain_or_gzip(folder_.path() / "no", 1); }),
              AllOf(HasSubstr("no"), HasSubstr("No such file")));
}

}  // namespace
}  // namespace cape::datasets
