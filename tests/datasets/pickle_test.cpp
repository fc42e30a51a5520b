#include "datasets/pickle.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/random.h"
#include "datasets/dataset.h"
#include "support.h"

namespace cape::datasets {
namespace {

using namespace std::string_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kArray =
    "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85U\1btR"s;
const std::string kType = "cnumpy\ndtype\n(U\2u1K\0K\1tR"s;

/// {"data": `value`}, `value` being the operations that make it.
std::string dictionary(const std::string& value) {
  return "\x80\2}U\4data"s + value + "s.";
}

/// The state of a 2 x 2 array, of what the operations give.
std::string state(const std::string& type, const std::string& order,
                  const std::string& bytes) {
  return "(K\1K\2K\2\x86"s + type + order + bytes + "tb";
}

pickle::Document parse(const std::string& bytes) {
  return pickle::Document(
      {"file", Bytes(std::vector<std::uint8_t>(bytes.begin(), bytes.end()))});
}

std::string error_of(const std::string& bytes) {
  return user_error([&] { parse(bytes); });
}

TEST(PickleTest, ReadsTheValuesOfPlainData) {
  const pickle::Document document = parse(
      "\x80\2}q\0(U\1aK\7U\1bJ\xff\xff\xff\xffU\1cM\1\2U\1d"
      "T\3\0\0\0xyzU\1e](K\1K\2eK\3au."s);
  EXPECT_EQ(document.at<std::int64_t>("a"), 7);
  EXPECT_EQ(document.at<std::int64_t>("b"), -1);
  EXPECT_EQ(document.at<std::int64_t>("c"), 513);
  EXPECT_EQ(document.at<pickle::String>("d").text(), "xyz");
  EXPECT_EQ(document.at<pickle::List>("e").items.size(), 3U);
}

TEST(PickleTest, ReadsAnArrayWhereTheFileHasIt) {
  const std::string text = dictionary(kArray + state(kType, "\x89", "U\4abcd"));
  const Bytes bytes(std::vector<std::uint8_t>(text.begin(), text.end()));
  const pickle::Document document({"file", bytes});
  const auto& array = document.at<pickle::Array>("data");
  EXPECT_THAT(array.shape, ElementsAre(2, 2));
  EXPECT_THAT(array.bytes, ElementsAre('a', 'b', 'c', 'd'));
  EXPECT_EQ(array.bytes.data(), bytes.data() + text.find("abcd"));
}

TEST(PickleTest, SharesWhatTheMemoHolds) {
  const pickle::Document document =
      parse("\x80\2}(U\1a]q\1U\1bh\1K\5aU\1cK\7r\0\1\0\0U\1dj\0\1\0\0u."s);
  EXPECT_EQ(document.at<pickle::List>("a").items.size(), 1U);
  EXPECT_EQ(&document.at<pickle::List>("a"), &document.at<pickle::List>("b"));
  EXPECT_EQ(document.at<std::int64_t>("d"), 7);
}

TEST(PickleTest, RefusesEveryOtherClassAndFunction) {
  EXPECT_THAT(
      error_of("\x80\2cos\nsystem\n(U\4trueitR."s),
      AllOf(HasSubstr("os.system, which is refused"), HasSubstr("file: ")));
  EXPECT_THAT(error_of("\x80\2cnumpy\nload\n(U\1xtR."s),
              HasSubstr("numpy.load, which is refused"));
  EXPECT_THAT(error_of("\x80\2c__builtin__\neval\n."s), HasSubstr("refused"));
  // An instance, by the operations that need no GLOBAL.
  EXPECT_THAT(error_of("\x80\2(ios\nsystem\n."s), HasSubstr("plain data"));
  EXPECT_THAT(error_of("\x80\2(U\1xo."s), HasSubstr("plain data"));
}

TEST(PickleTest, RefusesArraysThatAreNotBytesInRows) {
  const auto refused = [](const std::string& type, const std::string& order,
                          const std::string& bytes) {
    return error_of(dictionary(kArray + state(type, order, bytes)));
  };
  EXPECT_THAT(refused(kType, "\x88", "U\4abcd"), HasSubstr("no state"));
  EXPECT_THAT(refused(kType, "\x89", "U\3abc"), HasSubstr("no state"));
  EXPECT_THAT(refused(kType, "\x89", "U\5abcde"), HasSubstr("no state"));
  EXPECT_THAT(refused(kType, "\x89", "]"), HasSubstr("no state"));
  EXPECT_THAT(refused("N", "\x89", "U\4abcd"), HasSubstr("no state"));
  EXPECT_THAT(refused("cnumpy\ndtype\n(U\2O8K\0K\1tR"s, "\x89", "U\4abcd"),
              HasSubstr("not of unsigned bytes"));
  // Sizes whose product wraps around to 4.
  EXPECT_THAT(error_of(dictionary(kArray + "(K\1J\2\0\0\x80J\2\0\0\x80\x86"s +
                                  kType + "\x89U\4abcdtb")),
              HasSubstr("no state"));
}

TEST(PickleTest, RefusesCallsThatMakeNoArray) {
  EXPECT_THAT(error_of("\x80\2K\1(tR."s), HasSubstr("a call"));
  EXPECT_THAT(error_of("\x80\2cnumpy\nndarray\n(K\1tR."s), HasSubstr("a call"));
  EXPECT_THAT(error_of("\x80\2cnumpy\ndtype\n)R."s), HasSubstr("a call"));
}

TEST(PickleTest, RefusesAStackThatDoesNotHoldWhatIsAskedFor) {
  for (const std::string& body :
       {"."s, "t."s, "K\1a."s, "]K\1s."s, "}(K\1u."s, "h\1."s, "b."s, "\x87."s,
        "q\1."s, "K\1(a."s, "R."s}) {
    EXPECT_THAT(error_of("\x80\2"s + body), HasSubstr("file: "));
  }
}

TEST(PickleTest, RefusesAnotherProtocolAndEndlessValues) {
  EXPECT_THAT(error_of("\x80\4}."s), HasSubstr("no pickle of protocol 2"));
  EXPECT_THAT(error_of("(lp0\n."s), HasSubstr("no pickle of protocol 2"));
  EXPECT_THAT(error_of("\x80\2"s + std::string(5'000'000, ')')),
              HasSubstr("more values"));
}

TEST(PickleTest, NamesTheKeyThatIsMissingOrOfAnotherType) {
  const pickle::Document document = parse(dictionary("K\1"));
  EXPECT_THAT(user_error([&] { document.at<pickle::List>("labels"); }),
              AllOf(HasSubstr("file: "), HasSubstr("no 'labels'")));
  EXPECT_THAT(user_error([&] { document.at<pickle::List>("data"); }),
              HasSubstr("'data' in its dictionary is of an unexpected type"));
  EXPECT_THAT(user_error([] { parse("\x80\2K\1."s).at<pickle::List>("data"); }),
              HasSubstr("no dictionary"));
}

class OfficialPickleTest : public testing::Test {
 protected:
  std::string message(const std::string& bytes) {
    write_file(file_, bytes);
    return user_error([&] { load("cifar100", {folder_.path()}); });
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "cifar-100-python/train";
  std::string whole_ =
      read_file(CAPE_FIXTURES "/datasets/official/cifar-100-python/train");
};

TEST_F(OfficialPickleTest, RefusesEveryTruncation) {
  for (std::size_t size = 0; size < whole_.size(); size += size < 200 ? 1 : 37)
    EXPECT_THAT(message(whole_.substr(0, size)), HasSubstr(file_.string()));
}

TEST_F(OfficialPickleTest, RefusesLabelsThatDoNotFit) {
  const std::size_t label = whole_.find("Kc", whole_.find("fine_labels"));
  std::string bytes = whole_;
  bytes[label + 1] = 100;
  EXPECT_THAT(message(bytes), HasSubstr("label 100 at sample 0"));
  bytes.replace(label, 2, "N");
  EXPECT_THAT(message(bytes), HasSubstr("label of sample 0 is no integer"));
  bytes.replace(label, 1, "K\1K\1");
  EXPECT_THAT(message(bytes), HasSubstr("5 labels, but 4 images"));
}

TEST_F(OfficialPickleTest, AnswersDamagedBytesWithSamplesOrAUserError) {
  Random random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = whole_;
    // Most of the file is pixels, which may be anything.
    bytes.erase(200, round % 2 == 0 ? 12000 : 0);
    for (std::int64_t i = 0; i <= random.below(4); ++i) {
      bytes[random.below(static_cast<std::int64_t>(bytes.size()))] =
          static_cast<char>(random.below(256));
    }
    write_file(file_, bytes);
    try {
      EXPECT_EQ(load("cifar100", {folder_.path()}).info.samples, 4);
    } catch (const UserError&) {
    }
  }
}

}  // namespace
}  // namespace cape::datasets
