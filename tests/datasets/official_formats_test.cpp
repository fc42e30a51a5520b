/// The readers against independent ones: digests that Python computed, see
/// make_official_formats.py.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <numeric>

#include "core/units.h"
#include "datasets/batch.h"
#include "datasets/md5.h"
#include "datasets/registry.h"
#include "support.h"

namespace cape::datasets {
namespace {

namespace fs = std::filesystem;

const fs::path kFixtures = fs::path(CAPE_FIXTURES) / "datasets";

std::string hex_md5(const void* data, std::size_t size) {
  std::string digits;
  for (const std::uint8_t byte : md5({static_cast<const char*>(data), size}))
    digits += fmt::format("{:02x}", byte);
  return digits;
}

std::string input_digest(const Dataset& dataset) {
  if (std::holds_alternative<Images>(dataset.inputs)) {
    const std::vector<std::uint8_t> pixels = pixels_of(dataset);
    return hex_md5(pixels.data(), pixels.size());
  }
  std::vector<std::int64_t> all(dataset.info.samples);
  std::iota(all.begin(), all.end(), 0);
  const Batch batch = make_batch(dataset, all, {});
  return hex_md5(batch.inputs.data(), batch.inputs.size() * sizeof(float));
}

/// A line of a file of digests.
struct Expected {
  std::string name;
  std::int64_t samples = 0;
  std::string inputs;
  std::string labels;
};

std::vector<Expected> read_expected(const char* file) {
  std::ifstream lines(kFixtures / file);
  std::vector<Expected> all;
  Expected one;
  while (lines >> one.name >> one.samples >> one.inputs >> one.labels)
    all.push_back(one);
  return all;
}

void expect_equal(const Dataset& dataset, const Expected& expected) {
  EXPECT_EQ(dataset.info.samples, expected.samples);
  EXPECT_EQ(input_digest(dataset), expected.inputs);
  EXPECT_EQ(hex_md5(dataset.labels.elements.data(), dataset.labels.size()),
            expected.labels);
}

TEST(OfficialFormatsTest, EveryFormatIsReadAsPythonReadsIt) {
  const std::vector<Expected> all = read_expected("official_digests.txt");
  EXPECT_EQ(all.size(), 12U);
  for (const Expected& expected : all) {
    SCOPED_TRACE(expected.name);
    expect_equal(load(expected.name, {kFixtures / "official"}), expected);
  }
}

TEST(OfficialFormatsTest, RealDataAreReadAsPythonReadsThem) {
  const char* const root = std::getenv("CAPE_TEST_DATA");
  if (!root) GTEST_SKIP() << "CAPE_TEST_DATA names no folder of data sets";
  for (const Expected& expected : read_expected("real_digests.txt")) {
    SCOPED_TRACE(expected.name);
    const Dataset dataset = load(expected.name, {root});
    // Somebody may have more of a data set than we had.
    if (dataset.info.samples == expected.samples)
      expect_equal(dataset, expected);
  }
}

TEST(OfficialFormatsTest, TheSizesAreTheOfficialOnes) {
  const auto size = [](const std::string& name) {
    const KnownDataset& known = find_known(name);
    return std::pair(known.train_size, known.classes);
  };
  EXPECT_EQ(size("cifar10"), std::pair(50000L, 10L));
  EXPECT_EQ(size("cifar100"), std::pair(50000L, 100L));
  EXPECT_EQ(size("emnist_balanced"), std::pair(112800L, 47L));
  EXPECT_EQ(size("emnist_byclass"), std::pair(697932L, 62L));
  EXPECT_EQ(size("emnist_bymerge"), std::pair(697932L, 47L));
  EXPECT_EQ(size("emnist_digits"), std::pair(240000L, 10L));
  EXPECT_EQ(size("emnist_letters"), std::pair(124800L, 26L));
  EXPECT_EQ(size("emnist_mnist"), std::pair(60000L, 10L));
  EXPECT_EQ(size("imdb"), std::pair(25000L, 2L));
  EXPECT_EQ(size("kmnist"), std::pair(60000L, 10L));
  EXPECT_EQ(size("qmnist"), std::pair(60000L, 10L));
  EXPECT_EQ(size("svhn"), std::pair(73257L, 10L));
}

TEST(OfficialFormatsTest, TheDocumentHasEveryDataSetWithItsSizes) {
  const std::string document =
      read_file(fs::path(CAPE_FIXTURES) / "../../docs/datasets.md");
  for (const KnownDataset& known : registry()) {
    EXPECT_THAT(document, testing::HasSubstr(fmt::format(
                              "| `{}` | {} | {} |", known.name, known.classes,
                              format_count(known.train_size))));
    for (const Layout& layout : known.layouts)
      for (const std::string& archive : layout.archives)
        EXPECT_THAT(document, testing::HasSubstr(archive));
  }
}

}  // namespace
}  // namespace cape::datasets
