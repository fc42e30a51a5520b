#include "datasets/registry.h"

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/units.h"
#include "datasets/cifar.h"
#include "datasets/dataset.h"
#include "datasets/idx.h"

namespace cape::datasets {

// Means and deviations are the customary ones of four digits, with which the
// published meta-datasets were made.
const std::vector<KnownDataset>& registry() {
  static const std::vector<KnownDataset> kRegistry = {
      {
          .name = "cifar10",
          .folders = {"cifar-10-batches-bin", "cifar10", "CIFAR10"},
          .files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                    "data_batch_4.bin", "data_batch_5.bin"},
          .any_file = true,
          .read = read_cifar_samples,
          .shape = {3, 32, 32},
          .classes = 10,
          .train_size = 50000,
          .mean = {0.4914, 0.4822, 0.4465},
          .deviation = {0.2023, 0.1994, 0.2010},
          .package = "",
      },
      {
          .name = "fashion_mnist",
          .folders = {"FashionMNIST/raw", "fashion_mnist", "fashion-mnist",
                      "FashionMNIST"},
          .files = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
          .read = read_idx_samples,
          .shape = {1, 28, 28},
          .classes = 10,
          .train_size = 60000,
          .mean = {0.2860},
          .deviation = {0.3530},
          .package = "dataset-fashion-mnist",
      },
      {
          .name = "mnist",
          .folders = {"MNIST/raw", "mnist", "MNIST"},
          .files = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
          .read = read_idx_samples,
          .shape = {1, 28, 28},
          .classes = 10,
          .train_size = 60000,
          .mean = {0.1307},
          .deviation = {0.3081},
          .package = "",
      },
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
