// MATLAB files: SVHN.
#include "datasets/mat5.h"

#include "datasets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  constexpr std::size_t kLimit = 1 << 20;
  static const fuzz::Folder folder;
  fuzz::takes([&] {
    datasets::parse_mat5(fuzz::file_of({data, size}), "X", kLimit);
  });
  const auto path = folder.write("train_32x32.mat", {data, size});
  fuzz::load_and_use("svhn", path.parent_path());
  return 0;
}
