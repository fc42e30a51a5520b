#include "datasets/registry.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "core/error.h"
#include "core/units.h"
#include "datasets/cifar_binary.h"
#include "datasets/cifar_python.h"
#include "datasets/dataset.h"
#include "datasets/idx.h"
#include "datasets/imdb.h"
#include "datasets/svhn.h"

namespace cape::datasets {
namespace {

constexpr std::size_t kGreySize = 28UL * 28;
constexpr std::size_t kColourSize = 3UL * 32 * 32;

/// A file of images and a file of labels, with the largest possible number of
/// images.
Layout idx_layout(std::vector<std::string> folders, std::string images,
                  std::string labels, std::size_t most) {
  return {.folders = std::move(folders),
          .files = {std::move(images), std::move(labels)},
          .gzip = true,
          .largest = 16 + most * kGreySize,
          .read = read_idx_samples};
}

Layout mnist_layout(std::vector<std::string> folders) {
  return idx_layout(std::move(folders), "train-images-idx3-ubyte",
                    "train-labels-idx1-ubyte", 60000);
}

KnownDataset grey_digits(std::string name, Layout layout, double mean,
                         double deviation) {
  return {.name = std::move(name),
          .layouts = {std::move(layout)},
          .shape = {1, 28, 28},
          .classes = 10,
          .train_size = 60000,
          .mean = {mean},
          .deviation = {deviation}};
}

KnownDataset emnist(const std::string& split, std::int64_t classes,
                    std::int64_t train_size, double mean, double deviation) {
  const std::string stem = "emnist-" + split + "-train-";
  KnownDataset known = grey_digits(
      "emnist_" + split,
      idx_layout({"EMNIST/raw", "EMNIST/gzip", "emnist/gzip", "gzip", "emnist",
                  "EMNIST", ""},
                 stem + "images-idx3-ubyte", stem + "labels-idx1-ubyte",
                 static_cast<std::size_t>(train_size)),
      mean, deviation);
  known.classes = classes;
  known.first_label = split == "letters" ? 1 : 0;
  known.transposed = true;
  known.train_size = train_size;
  return known;
}

KnownDataset fashion_mnist() {
  KnownDataset known =
      grey_digits("fashion_mnist",
                  mnist_layout({"FashionMNIST/raw", "fashion_mnist",
                                "fashion-mnist", "FashionMNIST"}),
                  0.2860, 0.3530);
  known.package = "dataset-fashion-mnist";
  return known;
}

KnownDataset cifar10() {
  // In a pickle, file names and labels add less than a third to the pixels.
  constexpr std::size_t kBatch = 10000 * (1 + kColourSize);
  return {.name = "cifar10",
          .layouts = {{.folders = {"cifar-10-batches-bin", "cifar10", "CIFAR10",
                                   "cifar-10", ""},
                       .files = {"data_batch_1.bin", "data_batch_2.bin",
                                 "data_batch_3.bin", "data_batch_4.bin",
                                 "data_batch_5.bin"},
                       .any_file = true,
                       .gzip = true,
                       .largest = kBatch,
                       .archives = {"cifar-10-binary.tar.gz"},
                       .read = read_cifar10_binary},
                      {.folders = {"cifar-10-batches-py", "cifar10", "CIFAR10",
                                   "cifar-10", ""},
                       .files = {"data_batch_1", "data_batch_2", "data_batch_3",
                                 "data_batch_4", "data_batch_5"},
                       .any_file = true,
                       .largest = kBatch + kBatch / 3,
                       .archives = {"cifar-10-python.tar.gz"},
                       .read = read_cifar10_python}},
          .shape = {3, 32, 32},
          .classes = 10,
          .train_size = 50000,
          .mean = {0.4914, 0.4822, 0.4465},
          .deviation = {0.2023, 0.1994, 0.2010}};
}

KnownDataset cifar100() {
  constexpr std::size_t kSplit = 50000 * (2 + kColourSize);
  const std::string note =
      "samples of the test split, since the training split is not "
      "there";
  const std::vector<std::string> binary = {"cifar-100-binary", "cifar100",
                                           "CIFAR100", "cifar-100"};
  const std::vector<std::string> python = {"cifar-100-python", "cifar100",
                                           "CIFAR100", "cifar-100"};
  return {.name = "cifar100",
          .layouts = {{.folders = binary,
                       .files = {"train.bin"},
                       .gzip = true,
                       .largest = kSplit,
                       .archives = {"cifar-100-binary.tar.gz"},
                       .read = read_cifar100_binary},
                      {.folders = python,
                       .files = {"train"},
                       .largest = kSplit + kSplit / 3,
                       .archives = {"cifar-100-python.tar.gz"},
                       .read = read_cifar100_python},
                      {.folders = binary,
                       .files = {"test.bin"},
                       .gzip = true,
                       .largest = kSplit / 5,
                       .read = read_cifar100_binary,
                       .note = note},
                      {.folders = python,
                       .files = {"test"},
                       .largest = kSplit / 5 + kSplit / 15,
                       .read = read_cifar100_python,
                       .note = note}},
          .shape = {3, 32, 32},
          .classes = 100,
          .train_size = 50000,
          .mean = {0.5071, 0.4867, 0.4408},
          .deviation = {0.2675, 0.2565, 0.2761}};
}

/// A text becomes the counts of its hashed words: a vector of 3,072 for an MLP,
/// 32 rows of 96 for a recurrent network, 3 x 32 x 32 for the others.
KnownDataset imdb() {
  return {.name = "imdb",
          .layouts = {{.folders = {"aclImdb", "IMDB/aclImdb", "imdb/aclImdb",
                                   "imdb", "IMDB", "imdb-subset"},
                       .files = {"train/neg/", "train/pos/"},
                       .largest = 65535,
                       .archives = {"aclImdb_v1.tar.gz", "aclImdb.tar.gz",
                                    "aclImdb_v1-subset.tar.gz"},
                       .read = read_imdb}},
          .shape = {1, 32, 96},
          .classes = 2,
          .train_size = 25000};
}

/// The same reviews as tokens: the hashes of the first words, then zeros.
KnownDataset imdb_tokens() {
  KnownDataset known = imdb();
  known.name = "imdb_tokens";
  known.shape = {256};
  known.vocabulary = 5000;
  return known;
}

KnownDataset svhn() {
  return {.name = "svhn",
          .layouts = {{.folders = {"SVHN/unpacked", "SVHN", "svhn",
                                   "svhn-subset", ""},
                       .files = {"train_32x32.mat"},
                       .largest = 4096 + 73257 * (1 + kColourSize),
                       .read = read_svhn}},
          .shape = {3, 32, 32},
          .classes = 10,
          .train_size = 73257,
          .mean = {0.4377, 0.4438, 0.4728},
          .deviation = {0.1980, 0.2010, 0.1970}};
}

std::int64_t product(const std::vector<std::int64_t>& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::int64_t{1},
                         std::multiplies<>());
}

}  // namespace

std::size_t sample_size(const KnownDataset& known) {
  return static_cast<std::size_t>(product(known.shape));
}

std::int64_t sample_size(const DatasetInfo& dataset) {
  return product(dataset.shape);
}

// Means and deviations are the customary ones with four digits. The published
// meta-datasets were made with them, for the data sets that they have.
const std::vector<KnownDataset>& registry() {
  static const std::vector<KnownDataset> kRegistry = {
      cifar10(),
      cifar100(),
      emnist("balanced", 47, 112800, 0.1751, 0.3332),
      emnist("byclass", 62, 697932, 0.1736, 0.3317),
      emnist("bymerge", 47, 697932, 0.1736, 0.3317),
      emnist("digits", 10, 240000, 0.1733, 0.3317),
      emnist("letters", 26, 124800, 0.1722, 0.3309),
      emnist("mnist", 10, 60000, 0.1733, 0.3317),
      fashion_mnist(),
      imdb(),
      imdb_tokens(),
      grey_digits("kmnist", mnist_layout({"KMNIST/raw", "kmnist", "KMNIST"}),
                  0.1918, 0.3483),
      grey_digits("mnist", mnist_layout({"MNIST/raw", "mnist", "MNIST"}),
                  0.1307, 0.3081),
      grey_digits("qmnist",
                  idx_layout({"QMNIST/raw", "qmnist", "QMNIST", ""},
                             "qmnist-train-images-idx3-ubyte",
                             "qmnist-train-labels-idx2-int", 60000),
                  0.1307, 0.3081),
      svhn(),
  };
  return kRegistry;
}

const std::vector<std::string>& known_datasets() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const KnownDataset& known : registry()) names.push_back(known.name);
    return names;
  }();
  return kNames;
}

const KnownDataset& find_known(const std::string& name) {
  for (const KnownDataset& known : registry())
    if (known.name == name) return known;
  const std::string meant = nearest(name, known_datasets());
  fail_user("unknown data set '{}'; {}known are {}", name,
            meant.empty() ? "" : fmt::format("did you mean '{}'? ", meant),
            fmt::join(known_datasets(), ", "));
}

}  // namespace cape::datasets
