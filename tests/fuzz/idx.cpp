// IDX files: two bytes with the size of a file of labels (little-endian), that
// file, and the file of images.
#include "datasets/idx.h"

#include "datasets.h"

namespace {

void read_array(std::span<const std::uint8_t> bytes) {
  using namespace cape::datasets;
  const Array array = parse_idx(cape::fuzz::file_of(bytes));
  for (std::size_t i = 0; i < array.size(); ++i) (void)array[i];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  static const fuzz::Folder folder;
  if (size < 2) return 0;
  const std::span<const std::uint8_t> files(data + 2, size - 2);
  const std::size_t cut =
      std::min<std::size_t>(data[0] | data[1] << 8, files.size());
  const auto labels = files.first(cut);
  const auto images = files.subspan(cut);
  fuzz::takes([&] { read_array(labels); });
  fuzz::takes([&] { read_array(images); });
  folder.write("train-labels-idx1-ubyte", labels);
  const auto path = folder.write("train-images-idx3-ubyte", images);
  fuzz::load_and_use("mnist", path.parent_path());
  return 0;
}
