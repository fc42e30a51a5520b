#include "datasets/idx.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/random.h"
#include "datasets/dataset.h"
#include "datasets/gzip.h"
#include "support.h"

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class IdxTest : public testing::Test {
 protected:
  Array read(const std::string& bytes) {
    write_file(file_, bytes);
    return parse_idx({file_.string(), read_plain_or_gzip(file_, 116)});
  }
  std::string error_of(const std::string& bytes) {
    return user_error([&] { read(bytes); });
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "array";
};

TEST_F(IdxTest, ReadsShapeAndValues) {
  const Array images = read(idx({2, 1, 3}, "abcdef"));
  EXPECT_THAT(images.shape, ElementsAre(2, 1, 3));
  EXPECT_THAT(images.elements, ElementsAre('a', 'b', 'c', 'd', 'e', 'f'));
  EXPECT_THAT(read(idx({2}, "ab")).elements, ElementsAre('a', 'b'));
}

TEST_F(IdxTest, ReadsIntegersOfEverySizeBigEndian) {
  const auto read_type = [&](char type, const std::string& elements) {
    std::string bytes = idx({2}, elements);
    bytes[2] = type;
    const Array array = read(bytes);
    return std::pair(static_cast<long>(array[0]), static_cast<long>(array[1]));
  };
  using namespace std::string_literals;
  EXPECT_EQ(read_type(8, "\x02\xfe"), std::pair(2L, 254L));
  EXPECT_EQ(read_type(9, "\x02\xfe"), std::pair(2L, -2L));
  EXPECT_EQ(read_type(11, "\x01\x02\xff\xfe"), std::pair(258L, -2L));
  EXPECT_EQ(read_type(12, "\0\x01\x02\x03\xff\xff\xff\xfe"s),
            std::pair(66051L, -2L));
}

TEST_F(IdxTest, ReadsFloatingPointNumbersOfAnyShape) {
  std::string bytes = idx({1, 2, 1, 1}, std::string(16, 'x'));
  bytes[2] = 14;
  const Array array = read(bytes);
  EXPECT_EQ(array.type, ElementType::float64);
  EXPECT_THAT(array.shape, ElementsAre(1, 2, 1, 1));
  EXPECT_EQ(array.elements.size(), 16U);
}

TEST_F(IdxTest, SaysWhatItFoundInsteadOfAHeader) {
  EXPECT_THAT(error_of("<!DOCTYPE html>"),
              AllOf(HasSubstr(file_.string()), HasSubstr("0x3c21444f")));
  EXPECT_THAT(error_of(std::string("\0\0\12\1", 4)), HasSubstr("0x00000a01"));
  EXPECT_THAT(error_of(std::string("\0\0\10\0", 4)), HasSubstr("0x00000800"));
  EXPECT_THAT(error_of(std::string("\0\0\10\3abc", 7)),
              HasSubstr("its header alone has 16"));
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
              AllOf(HasSubstr("2 x 1 x 3"), HasSubstr("7 bytes follow")));
  // The product of the sizes is 0 modulo 2^64.
  EXPECT_THAT(error_of(idx({0x80000000, 0x80000000, 4}, "")),
              HasSubstr("0 bytes follow"));
  EXPECT_THAT(error_of(idx({0xffffffff, 0xffffffff, 0xffffffff}, "abcdef")),
              HasSubstr("6 bytes follow"));
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
      const Array array = read(bytes);
      std::size_t size = element_size(array.type);
      for (const std::int64_t extent : array.shape)
        size *= static_cast<std::size_t>(extent);
      EXPECT_EQ(size, array.elements.size());
    } catch (const UserError&) {
    }
  }
}

class IdxSamplesTest : public testing::Test {
 protected:
  void write_label_file(char type, const std::vector<std::uint32_t>& shape,
                        const std::string& elements) {
    std::string bytes = idx(shape, elements);
    bytes[2] = type;
    write_file(labels_, bytes);
  }
  std::string message() {
    return user_error([&] { load_from("mnist", folder_.path()); });
  }

  TemporaryFolder folder_;
  std::filesystem::path images_ = folder_.path() / "train-images-idx3-ubyte";
  std::filesystem::path labels_ = folder_.path() / "train-labels-idx1-ubyte";
};

TEST_F(IdxSamplesTest, RefusesImagesOfAnotherSizeOrTypeAndNone) {
  write_mnist(folder_.path(), 1);
  write_file(images_, idx({1, 28, 27}, std::string(756, 'x')));
  EXPECT_THAT(message(), AllOf(HasSubstr(images_.string()),
                               HasSubstr("28 x 27"), HasSubstr("28 x 28")));
  write_file(images_, idx({0, 28, 28}, ""));
  EXPECT_THAT(message(), HasSubstr("holds no images"));
  write_file(images_, idx({784}, std::string(784, 'x')));
  EXPECT_THAT(message(), HasSubstr("type 0x08 and 1 dimensions"));
}

TEST_F(IdxSamplesTest, RefusesLabelsThatDoNotFitTheImages) {
  write_mnist(folder_.path(), 3);
  write_file(labels_, idx({2}, std::string("\0\1", 2)));
  EXPECT_THAT(message(), AllOf(HasSubstr(labels_.string()),
                               HasSubstr("2 labels"), HasSubstr("3 images")));
  write_file(labels_, idx({3}, std::string("\0\1\12", 3)));
  EXPECT_THAT(message(),
              AllOf(HasSubstr("label 10 at sample 2"), HasSubstr("0 to 9")));
  write_label_file(9, {3}, std::string("\0\1\xff", 3));
  EXPECT_THAT(message(), HasSubstr("label -1 at sample 2"));
  write_label_file(13, {3}, std::string(12, '\0'));
  EXPECT_THAT(message(), HasSubstr("not an IDX file of labels"));
  write_label_file(8, {3, 0}, "");
  EXPECT_THAT(message(), HasSubstr("not an IDX file of labels"));
}

TEST_F(IdxSamplesTest, TakesTheFirstOfARowOfLabels) {
  write_mnist(folder_.path(), 2);
  write_label_file(12, {2, 2},
                   std::string("\0\0\0\3\0\0\1\1"
                               "\0\0\0\7\0\0\0\0",
                               16));
  EXPECT_THAT(labels_of(load_from("mnist", folder_.path())), ElementsAre(3, 7));
}

TEST_F(IdxSamplesTest, RefusesMoreSamplesThanTheOfficialOnes) {
  write_mnist(folder_.path(), 1);
  write_file(images_, idx({60001, 28, 28}, std::string(60001 * 784, 'x')));
  EXPECT_THAT(message(), HasSubstr("holds more than the 47040016 bytes"));
}

}  // namespace
}  // namespace cape::datasets
