#include "datasets/svhn.h"

#include <fmt/ranges.h>

#include <vector>

#include "core/error.h"
#include "datasets/files.h"
#include "datasets/mat5.h"

namespace cape::datasets {

Samples read_svhn(const KnownDataset& known, const Layout& layout,
                  const std::filesystem::path& place) {
  const File file = read_files(layout, place).at(0);
  const std::vector<MatArray> arrays =
      read_mat_arrays(file, {"X", "y"}, layout.largest);
  const MatArray& images = arrays[0];
  const auto count =
      static_cast<std::int64_t>(images.bytes.size() / sample_size(known));
  if (count == 0 ||
      images.shape != std::vector<std::int64_t>{32, 32, 3, count}) {
    fail_user("{}: its X is {} in {} bytes, not 32 x 32 x 3 x N", file.name,
              fmt::join(images.shape, " x "), images.bytes.size());
  }
  const MatArray& digits = arrays[1];
  if (digits.shape != std::vector<std::int64_t>{count, 1} ||
      digits.bytes.size() != static_cast<std::size_t>(count)) {
    fail_user("{}: its y is {}, not {} x 1, a label for each image", file.name,
              fmt::join(digits.shape, " x "), count);
  }
  std::vector<std::uint8_t> labels;
  for (const std::uint8_t digit : digits.bytes) {
    if (digit < 1 || digit > 10) {
      fail_user("{}: label {} at sample {}, but the labels of {} are 1 to 10",
                file.name, digit, labels.size(), known.name);
    }
    labels.push_back(digit % 10);
  }
  return {Images{.blocks = {{.bytes = images.bytes,
                             .stride = sample_size(known),
                             .count = count}},
                 .transposed = true},
          std::move(labels)};
}

}  // namespace cape::datasets
