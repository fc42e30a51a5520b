#include "datasets/imdb.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <map>

#include "datasets/batch.h"
#include "datasets/dataset.h"
#include "support.h"

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class ImdbTest : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    write_file(folder_.path() / "aclImdb" / name, text);
  }
  Dataset read() const { return load("imdb", {folder_.path()}); }
  std::string message() const {
    return user_error([&] { read(); });
  }

  TemporaryFolder folder_;
};

std::size_t words_of(const Dataset& dataset, std::int64_t text) {
  return std::get<WordCounts>(dataset.inputs).of(text).size();
}

TEST_F(ImdbTest, ReadsTheLabelledTrainingReviewsInOneOrder) {
  write("train/pos/2_7.txt", "one two three");
  write("train/pos/10_10.txt", "one two three four");
  write("train/neg/5_1.txt", "one");
  write("train/neg/4_4.txt", "one two");
  write("train/unsup/0_0.txt", "none");
  write("test/pos/0_9.txt", "none");
  write("train/pos/.DS_Store", "none");
  write("train/urls_pos.txt", "none");
  const Dataset dataset = read();
  EXPECT_THAT(labels_of(dataset), ElementsAre(0, 0, 1, 1));
  EXPECT_EQ(words_of(dataset, 0), 2U) << "4 before 5";
  EXPECT_EQ(words_of(dataset, 1), 1U);
  EXPECT_EQ(words_of(dataset, 2), 3U) << "2 before 10";
  EXPECT_EQ(words_of(dataset, 3), 4U);
}

TEST_F(ImdbTest, FolderAndArchiveAreTheSameData) {
  write("train/pos/10_9.txt", "Good, GOOD film: it's the cat's pyjamas!");
  write("train/pos/2_7.txt", "na\xc3\xafve but fine<br /><br />");
  write("train/neg/0_1.txt", "Bad. Bad, bad; not 'good'.");
  EXPECT_EQ(
      read().info.fingerprint,
      load_from("imdb", CAPE_FIXTURES "/datasets/official/aclImdb_v1.tar.gz")
          .info.fingerprint);
}

TEST_F(ImdbTest, IsReadAsTokensToo) {
  write("train/pos/2_7.txt", "Word, WORD; word's");
  std::string words;
  for (int i = 0; i < 300; ++i) words += i < 256 ? "word " : "other ";
  write("train/neg/5_1.txt", words);
  const Dataset dataset = load("imdb_tokens", {folder_.path()});
  EXPECT_EQ(dataset.info.vocabulary, 5000);
  EXPECT_THAT(dataset.info.shape, ElementsAre(256));
  const std::vector<std::int64_t> both = {0, 1};
  const std::vector<float> inputs = make_batch(dataset, both, {}).inputs;
  // Of Python: int(hashlib.md5(word).hexdigest(), 16) % 4999 + 1.
  EXPECT_THAT(std::vector(inputs.begin(), inputs.begin() + 256),
              testing::Each(3146))
      << "the first words alone";
  EXPECT_THAT(std::vector(inputs.begin() + 256, inputs.begin() + 260),
              ElementsAre(3146, 3146, 1192, 0));
}

TEST_F(ImdbTest, RefusesARatingOfTheOtherFolder) {
  write("train/pos/0_7.txt", "");
  write("train/neg/0_7.txt", "");
  EXPECT_THAT(message(), AllOf(HasSubstr("train/neg/0_7.txt"),
                               HasSubstr("rating 7"), HasSubstr("1 to 4")));
}

TEST_F(ImdbTest, RefusesFoldersThatAreMissingOrEmpty) {
  write("train/pos/0_7.txt", "");
  EXPECT_THAT(message(), HasSubstr("aclImdb: lacks train/neg/\n"));
  std::filesystem::remove(folder_.path() / "aclImdb/train/pos/0_7.txt");
  write("train/neg/readme", "");
  EXPECT_THAT(message(), HasSubstr("aclImdb: holds no reviews"));
}

TEST_F(ImdbTest, RefusesATextThatIsNoReview) {
  write("train/neg/0_1.txt", std::string(65536, 'x'));
  write("train/pos/0_7.txt", "");
  EXPECT_THAT(message(), HasSubstr("0_1.txt: too long"));
}

TEST_F(ImdbTest, RefusesAPipeAmongTheReviews) {
  write("train/neg/0_1.txt", "bad");
  write("train/pos/0_7.txt", "good");
  const std::filesystem::path pipe =
      folder_.path() / "aclImdb/train/pos/1_8.txt";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(message(), HasSubstr("1_8.txt: a pipe or a device"));
}

TEST(WordHasherTest, CountsLowerCaseWordsByTheirHash) {
  WordHasher hasher(3072);
  // Of Python: int(hashlib.md5(word).hexdigest(), 16) % 3072.
  std::map<int, int> counts;
  for (const auto& [word, count] :
       hasher.count("Word, WORD; word's word-word")) {
    counts[word] = count;
  }
  EXPECT_EQ(counts, (std::map<int, int>{{1578, 4}, {2285, 1}}));
  EXPECT_EQ(hasher.count("").size(), 0U);
  counts.clear();
  const std::string words =
      "g ' abcdefghijkl abcdefghijklm aaaaaaaaaaaaaaaaaaaaaaaaa ";
  for (const auto& [word, count] : hasher.count(std::string(words) += words)) {
    counts[word] = count;
  }
  EXPECT_EQ(counts, (std::map<int, int>{
                        {326, 2}, {2141, 2}, {2295, 2}, {2684, 2}, {3017, 2}}));
}

}  // namespace
}  // namespace cape::datasets
