#include "datasets/idx.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/random.h"
#include "support.h"

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class IdxTest : public testing::Test {
 protected:
  IdxArray read(const std::string& bytes, std::size_t rank = 3) {
    write_file(file_, bytes);
    return read_idx(file_, rank, 100);
  }
  std::string error_of(const std::string& bytes, std::size_t rank = 3) {
    return user_error([&] { read(bytes, rank); });
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "array";
};

TEST_F(IdxTest, ReadsShapeAndValues) {
  const IdxArray images = read(idx({2, 1, 3}, "abcdef"));
  EXPECT_THAT(images.shape, ElementsAre(2, 1, 3));
  EXPECT_THAT(images.values, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
  EXPECT_THAT(read(idx({2}, "ab"), 1).values, ElementsAre('a', 'b'));
}

TEST_F(IdxTest, SaysWhichMagicItFound) {
  EXPECT_THAT(error_of(idx({16}, "0123456789abcdef")),
              AllOf(HasSubstr(file_.string()), HasSubstr("0x00000801"),
                    HasSubstr("not 0x00000803")));
  EXPECT_THAT(error_of("<!DOCTYPE html>"), HasSubstr("its header alone"));
  EXPECT_THAT(error_of("<!DOCTYPE html><html></html>"),
              HasSubstr("0x3c21444f"));
}

TEST_F(IdxTest, RefusesEveryTruncationPlainOrCompressed) {
  const std::string whole = idx({2, 1, 3}, "abcdef");
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_THAT(error_of(whole.substr(0, length)), HasSubstr(file_.string()));
  const std::string packed = gzip(whole);
  for (std::size_t length = 0; length < packed.size(); ++length)
    EXPECT_THAT(error_of(packed.substr(0, length)), HasSubstr(file_.string()));
}

TEST_F(IdxTest, RefusesSizesThatAreNotTheFiles) {
  EXPECT_THAT(error_of(idx({2, 1, 3}, "abcdefg")),
              AllOf(HasSubstr("2 x 1 x 3"), HasSubstr("7 follow")));
  // The product of the sizes is 0 modulo 2^64.
  EXPECT_THAT(error_of(idx({0x80000000, 0x80000000, 4}, "")),
              HasSubstr("0 follow"));
  EXPECT_THAT(error_of(idx({0xffffffff, 0xffffffff, 0xffffffff}, "abcdef")),
              HasSubstr("6 follow"));
}

TEST_F(IdxTest, AnswersRandomBytesWithAnArrayOrAUserError) {
  Random random(7);
  const std::string whole = idx({2, 1, 3}, "abcdef");
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = round % 2 ? whole : gzip(whole);
    const std::int64_t changes = 1 + random.below(4);
    for (std::int64_t i = 0; i < changes; ++i) {
      bytes[random.below(static_cast<std::int64_t>(bytes.size()))] =
          static_cast<char>(random.below(256));
    }
    try {
      const IdxArray array = read(bytes);
      EXPECT_EQ(array.shape[0] * array.shape[1] * array.shape[2],
                static_cast<std::int64_t>(array.values.size()));
    } catch (const UserError&) {
    }
  }
}

TEST(IdxSamplesTest, RefusesImagesOfAnotherSizeAndNone) {
  const TemporaryFolder folder;
  const KnownDataset& mnist = find_known("mnist");
  const auto message = [&] {
    return user_error([&] { read_idx_samples(mnist, folder.path()); });
  };
  write_mnist(folder.path(), 1);
  const auto images = folder.path() / "train-images-idx3-ubyte";
  write_file(images, idx({1, 28, 27}, std::string(756, 'x')));
  EXPECT_THAT(message(), AllOf(HasSubstr(images.string()), HasSubstr("28 x 27"),
                               HasSubstr("28 x 28")));
  write_file(images, idx({0, 28, 28}, ""));
  EXPECT_THAT(message(), HasSubstr("holds no images"));
}

TEST(IdxSamplesTest, RefusesLabelsThatDoNotFitTheImages) {
  const TemporaryFolder folder;
  const KnownDataset& mnist = find_known("mnist");
  const auto message = [&] {
    return user_error([&] { read_idx_samples(mnist, folder.path()); });
  };
  write_mnist(folder.path(), 3);
  const auto labels = folder.path() / "train-labels-idx1-ubyte";
  write_file(labels, idx({2}, std::string("\0\1", 2)));
  EXPECT_THAT(message(), AllOf(HasSubstr(labels.string()),
                               HasSubstr("2 labels"), HasSubstr("3 images")));
  write_file(labels, idx({3}, std::string("\0\1\12", 3)));
  EXPECT_THAT(message(),
              AllOf(HasSubstr("label 10 at sample 2"), HasSubstr("0 to 9")));
}

TEST(IdxSamplesTest, RefusesMoreSamplesThanTheOfficialOnes) {
  const TemporaryFolder folder;
  KnownDataset small = find_known("mnist");
  small.train_size = 3;
  write_mnist(folder.path(), 3);
  EXPECT_EQ(read_idx_samples(small, folder.path()).count, 3);
  write_mnist(folder.path(), 4);
  EXPECT_THAT(user_error([&] { read_idx_samples(small, folder.path()); }),
              HasSubstr("holds more than"));
}

}  // namespace
}  // namespace cape::datasets
