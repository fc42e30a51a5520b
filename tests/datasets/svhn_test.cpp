#include "datasets/svhn.h"

#include <gmock/gmock.h>
#include <libdeflate.h>

#include "core/error.h"
#include "core/random.h"
#include "datasets/dataset.h"
#include "support.h"

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string little_endian(std::uint32_t number) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8)
    bytes += static_cast<char>(number >> shift);
  return bytes;
}

std::string element(std::uint32_t type, const std::string& bytes) {
  const std::string padding((8 - bytes.size() % 8) % 8, '\0');
  return little_endian(type) +
         little_endian(static_cast<std::uint32_t>(bytes.size())) + bytes +
         padding;
}

std::string compressed(const std::string& bytes) {
  libdeflate_compressor* const compressor = libdeflate_alloc_compressor(6);
  std::string packed(libdeflate_zlib_compress_bound(compressor, bytes.size()),
                     '\0');
  packed.resize(libdeflate_zlib_compress(compressor, bytes.data(), bytes.size(),
                                         packed.data(), packed.size()));
  libdeflate_free_compressor(compressor);
  return little_endian(15) +
         little_endian(static_cast<std::uint32_t>(packed.size())) + packed;
}

/// A variable; `kind` is the array's class, 9 for unsigned bytes.
std::string variable(const std::string& name,
                     const std::vector<std::uint32_t>& shape,
                     const std::string& values, std::uint32_t kind = 9) {
  std::string extents;
  for (const std::uint32_t extent : shape) extents += little_endian(extent);
  return element(14, element(6, little_endian(kind) + little_endian(0)) +
                         element(5, extents) + element(1, name) +
                         element(2, values));
}

std::string images(std::uint32_t count) {
  return variable("X", {32, 32, 3, count}, std::string(3072 * count, 'x'));
}

std::string digits(const std::string& values) {
  return variable("y", {static_cast<std::uint32_t>(values.size()), 1}, values);
}

class SvhnTest : public testing::Test {
 protected:
  void write(const std::string& elements) {
    std::string header(124, ' ');
    header += std::string("\0\1IM", 4);
    write_file(file_, header + elements);
  }
  Dataset read() const { return load("svhn", {folder_.path()}); }
  std::string message() const {
    return user_error([&] { read(); });
  }
  std::string message(const std::string& elements) {
    write(elements);
    return message();
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "train_32x32.mat";
};

TEST_F(SvhnTest, TakesTheLabelTenForTheDigitZero) {
  write(compressed(images(3)) + compressed(digits("\x0a\1\x09")));
  EXPECT_THAT(labels_of(read()), ElementsAre(0, 1, 9));
}

TEST_F(SvhnTest, ReadsVariablesInAnyOrderCompressedOrNot) {
  write(digits("\1\2") + variable("other", {1, 1}, "z", 6) +
        compressed(images(2)));
  EXPECT_THAT(labels_of(read()), ElementsAre(1, 2));
}

TEST_F(SvhnTest, RefusesLabelsThatDoNotFit) {
  EXPECT_THAT(
      message(images(2) + digits("\1\x0b")),
      AllOf(HasSubstr(file_.string()), HasSubstr("label 11 at sample 1")));
  EXPECT_THAT(message(images(2) + digits(std::string("\1\0", 2))),
              HasSubstr("label 0 at sample 1"));
  EXPECT_THAT(message(images(2) + digits("\1\2\3")),
              HasSubstr("its y is 3 x 1, not 2 x 1"));
  EXPECT_THAT(message(images(2)), HasSubstr("without a variable y"));
}

TEST_F(SvhnTest, RefusesVariablesOfAnotherShapeOrType) {
  const std::string values(6144, 'x');
  EXPECT_THAT(message(variable("X", {2, 3072}, values) + digits("\1\2")),
              AllOf(HasSubstr(file_.string()), HasSubstr("its X is 2 x 3072"),
                    HasSubstr("32 x 32 x 3 x N")));
  EXPECT_THAT(message(variable("X", {32, 32, 3, 3}, values) + digits("\1\2")),
              HasSubstr("32 x 32 x 3 x 3 in 6144 bytes"));
  EXPECT_THAT(
      message(variable("X", {32, 32, 3, 2}, values, 8) + digits("\1\2")),
      HasSubstr("X is no array of real unsigned bytes"));
  EXPECT_THAT(
      message(variable("X", {32, 32, 3, 2}, values, 0x809) + digits("\1\2")),
      HasSubstr("X is no array of real unsigned bytes"));
  EXPECT_THAT(message(variable("X", {32, 32, 3, 0}, "") + digits("\1")),
              HasSubstr("its X is 32 x 32 x 3 x 0"));
}

TEST_F(SvhnTest, RefusesFilesOfAnotherFormat) {
  for (const std::string& bytes :
       {std::string(), std::string("<html></html>"), std::string(200, ' ')}) {
    write_file(file_, bytes);
    EXPECT_THAT(message(), AllOf(HasSubstr(file_.string()),
                                 HasSubstr("not a MATLAB file of level 5")));
  }
}

TEST_F(SvhnTest, RefusesWhatUnpacksToMoreThanTheDataSet) {
  const std::string bomb =
      compressed(std::string(std::size_t{73260} * 3073, '\0'));
  EXPECT_THAT(message(bomb), HasSubstr("holds more than"));
}

TEST_F(SvhnTest, NoticesEveryTruncationAndEveryDamage) {
  const std::string whole =
      read_file(CAPE_FIXTURES "/datasets/official/train_32x32.mat");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(file_, whole.substr(0, size));
    EXPECT_THAT(message(), HasSubstr(file_.string()))
        << size << " of " << whole.size();
  }
  write_file(file_, whole);
  const std::string fingerprint = read().info.fingerprint;
  Random random(3);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = whole;
    // The first 124 bytes are a text.
    bytes[124 + random.below(static_cast<std::int64_t>(bytes.size()) - 124)] =
        static_cast<char>(random.below(256));
    write_file(file_, bytes);
    try {
      EXPECT_EQ(read().info.fingerprint, fingerprint);
    } catch (const UserError&) {
    }
  }
}

}  // namespace
}  // namespace cape::datasets
