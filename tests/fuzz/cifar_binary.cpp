// The binary version of CIFAR-10 and CIFAR-100.
#include "datasets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  static const fuzz::Folder folder;
  const auto ten = folder.write("10/data_batch_1.bin", {data, size});
  fuzz::load_and_use("cifar10", ten.parent_path());
  const auto hundred = folder.write("100/train.bin", {data, size});
  fuzz::load_and_use("cifar100", hundred.parent_path());
  return 0;
}
