#include "datasets/dataset.h"

#include <gmock/gmock.h>

#include <array>
#include <cstdlib>
#include <map>
#include <numeric>

#include "support.h"

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

namespace fs = std::filesystem;

std::array<int, 10> label_counts(const Dataset& dataset) {
  std::array<int, 10> counts{};
  for (const int label : labels_of(dataset)) ++counts.at(label);
  return counts;
}

/// Of pixels / 255.
double pixel_mean(const Dataset& dataset) {
  const std::vector<std::uint8_t> pixels = pixels_of(dataset);
  const std::int64_t sum =
      std::accumulate(pixels.begin(), pixels.end(), std::int64_t{0});
  return static_cast<double>(sum) / 255.0 / static_cast<double>(pixels.size());
}

TEST(DatasetTest, DescribesWhatItRead) {
  const TemporaryFolder root;
  write_mnist(root.path() / "mnist", 12);
  const Dataset dataset = load("mnist", {root.path()});
  EXPECT_EQ(dataset.info.name, "mnist");
  EXPECT_EQ(dataset.info.task, Task::classification);
  EXPECT_THAT(dataset.info.shape, ElementsAre(1, 28, 28));
  EXPECT_EQ(dataset.info.classes, 10);
  EXPECT_EQ(dataset.info.samples, 12);
  EXPECT_EQ(dataset.info.train_size, 60000) << "official, not at hand";
  EXPECT_EQ(dataset.info.directory, (root.path() / "mnist").string());
  EXPECT_EQ(pixels_of(dataset).size(), 12U * 784U);
  EXPECT_EQ(pixels_of(dataset)[784 + 2], 31 + 14);
  EXPECT_EQ(dataset.labels[11], 1);
  EXPECT_THAT(dataset.mean, ElementsAre(0.1307));
  EXPECT_THAT(dataset.deviation, ElementsAre(0.3081));
}

TEST(DatasetTest, FingerprintIsOfTheContentAlone) {
  const TemporaryFolder folder;
  const auto fingerprint = [&](const char* name) {
    return load_from("mnist", folder.path() / name).info.fingerprint;
  };
  write_mnist(folder.path() / "plain", 12);
  write_mnist(folder.path() / "packed", 12, true);
  write_mnist(folder.path() / "fewer", 11);
  EXPECT_EQ(fingerprint("plain").size(), 32U);
  EXPECT_EQ(fingerprint("plain"), fingerprint("packed"));
  EXPECT_NE(fingerprint("plain"), fingerprint("fewer"));

  write_mnist(folder.path() / "relabelled", 12);
  std::string labels(12, '\0');
  write_file(folder.path() / "relabelled/train-labels-idx1-ubyte",
             idx({12}, labels));
  EXPECT_NE(fingerprint("plain"), fingerprint("relabelled"));
}

TEST(DatasetTest, LoadFromReadsTheNamedFolderAndNoOther) {
  const TemporaryFolder folder;
  write_mnist(folder.path() / "anything", 3);
  EXPECT_EQ(load_from("mnist", folder.path() / "anything").info.samples, 3);
  EXPECT_THAT(user_error([&] { load_from("mnist", folder.path()); }),
              AllOf(HasSubstr(folder.path().string()), HasSubstr("lacks")));
}

TEST(DatasetTest, ListsWhatIsUsableAndWhyTheRestIsNot) {
  const TemporaryFolder root;
  write_mnist(root.path() / "mnist", 5);
  fs::create_directories(root.path() / "fashion-mnist");
  std::map<std::string, Found> list;
  const auto refresh = [&] {
    list.clear();
    for (const Found& found : list_datasets({root.path()}))
      list[found.name] = found;
  };
  refresh();
  EXPECT_EQ(list.size(), known_datasets().size());
  EXPECT_EQ(list["fashion_mnist"].directory, "");
  EXPECT_THAT(list["fashion_mnist"].problem,
              AllOf(HasSubstr("not found; "),
                    HasSubstr((root.path() / "fashion-mnist").string()),
                    HasSubstr("lacks train-images")));
  EXPECT_EQ(list["mnist"].problem, "");
  EXPECT_EQ(list["mnist"].directory, (root.path() / "mnist").string());
  EXPECT_EQ(list["mnist"].samples, 5);
  EXPECT_EQ(list["mnist"].classes, 10);

  write_file(root.path() / "mnist/train-labels-idx1-ubyte", "broken");
  refresh();
  EXPECT_EQ(list["mnist"].directory, (root.path() / "mnist").string());
  EXPECT_THAT(list["mnist"].problem, HasSubstr("not an IDX file"));
}

TEST(OfficialDataTest, FashionMnistIsWhole) {
  const fs::path folder = "/usr/share/datasets/fashion-mnist";
  if (!fs::exists(folder))
    GTEST_SKIP() << "Debian's dataset-fashion-mnist is not installed";
  const Dataset dataset = load("fashion_mnist", {folder.parent_path()});
  EXPECT_EQ(dataset.info.samples, 60000);
  EXPECT_THAT(label_counts(dataset), Each(6000));
  EXPECT_NEAR(pixel_mean(dataset), dataset.mean[0], 5e-5);
}

TEST(OfficialDataTest, MnistIsWhole) {
  const char* root = std::getenv("CAPE_TEST_DATA");
  if (!root) GTEST_SKIP() << "CAPE_TEST_DATA names no folder with MNIST in it";
  const Dataset dataset = load("mnist", {root});
  EXPECT_EQ(dataset.info.samples, 60000);
  EXPECT_THAT(label_counts(dataset), ElementsAre(5923, 6742, 5958, 6131, 5842,
                                                 5421, 5918, 6265, 5851, 5949));
  EXPECT_NEAR(pixel_mean(dataset), dataset.mean[0], 5e-5);
}

TEST(OfficialDataTest, Cifar10IsItsBatches) {
  const char* root = std::getenv("CAPE_TEST_DATA");
  if (!root) GTEST_SKIP() << "CAPE_TEST_DATA names no folder with CIFAR-10";
  const Dataset dataset = load("cifar10", {root});
  if (dataset.info.samples != 20000) GTEST_SKIP() << "not batches 1 and 2";
  EXPECT_THAT(label_counts(dataset), ElementsAre(1989, 1981, 2042, 2011, 2009,
                                                 1925, 2038, 2027, 2012, 1966));
  const std::vector<int> labels = labels_of(dataset);
  EXPECT_THAT(std::vector(labels.begin(), labels.begin() + 10),
              ElementsAre(6, 9, 9, 4, 1, 1, 2, 7, 8, 3));
  EXPECT_NEAR(pixel_mean(dataset), (0.4914 + 0.4822 + 0.4465) / 3, 5e-3);
}

}  // namespace
}  // namespace cape::datasets
