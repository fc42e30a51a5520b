#include "datasets/svhn.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "datasets/files.h"
#include "datasets/mat5.h"

namespace cape::datasets {
namespace {

const Array& bytes_of(const std::vector<MatVariable>& variables,
                      std::string_view name, const std::string& file) {
  const auto found = std::ranges::find(variables, name, &MatVariable::name);
  if (found == variables.end())
    fail_user("{}: without a variable {}", file, name);
  if (!found->array || found->array->type != ElementType::uint8) {
    fail_user("{}: its variable {} is no array of real unsigned bytes", file,
              name);
  }
  return *found->array;
}

}  // namespace

Samples read_svhn(const KnownDataset& known, const Layout& layout,
                  const std::filesystem::path& place) {
  const File file = read_files(layout, place).at(0);
  const std::vector<MatVariable> variables = read_mat5(file, layout.largest);
  const Array& images = bytes_of(variables, "X", file.name);
  const auto count =
      static_cast<std::int64_t>(images.elements.size() / sample_size(known));
  if (count == 0 ||
      images.shape != std::vector<std::int64_t>{32, 32, 3, count}) {
    fail_user("{}: its X is {} in {} bytes, not 32 x 32 x 3 x N", file.name,
              fmt::join(images.shape, " x "), images.elements.size());
  }
  const Array& digits = bytes_of(variables, "y", file.name);
  if (digits.shape != std::vector<std::int64_t>{count, 1} ||
      digits.elements.size() != static_cast<std::size_t>(count)) {
    fail_user("{}: its y is {}, not {} x 1, a label for each image", file.name,
              fmt::join(digits.shape, " x "), count);
  }
  std::vector<std::uint8_t> labels;
  for (const std::uint8_t digit : digits.elements) {
    if (digit < 1 || digit > 10) {
      fail_user("{}: label {} at sample {}, but the labels of {} are 1 to 10",
                file.name, digit, labels.size(), known.name);
    }
    labels.push_back(digit % 10);
  }
  return {Images{.blocks = {{.bytes = images.elements,
                             .stride = sample_size(known),
                             .count = count}},
                 .transposed = true},
          std::move(labels)};
}

}  // namespace cape::datasets
