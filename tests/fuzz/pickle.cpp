// The Python version of CIFAR-10 and CIFAR-100: pickles.
#include "datasets/pickle.h"

#include "datasets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  using namespace cape::datasets;
  static const fuzz::Folder folder;
  fuzz::takes([&] {
    const pickle::Document document(fuzz::file_of({data, size}));
    const auto& array = document.at<pickle::Array>("data");
    std::size_t values = 1;
    for (const std::int64_t extent : array.shape) values *= extent;
    fuzz::require(array.bytes.size() == values);
  });
  const auto ten = folder.write("10/data_batch_1", {data, size});
  fuzz::load_and_use("cifar10", ten.parent_path());
  const auto hundred = folder.write("100/train", {data, size});
  fuzz::load_and_use("cifar100", hundred.parent_path());
  return 0;
}
