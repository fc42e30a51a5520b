#include "datasets/cifar_binary.h"

#include "core/error.h"
#include "datasets/files.h"

namespace cape::datasets {
namespace {

/// Records of `label_bytes` labels, of which the last counts.
Samples read_records(const KnownDataset& known, const std::vector<File>& files,
                     std::size_t label_bytes) {
  const std::size_t record = label_bytes + sample_size(known);
  Images images;
  std::vector<std::uint8_t> labels;
  for (const auto& [name, bytes] : files) {
    const std::size_t count = bytes.size() / record;
    if (count == 0 || count * record != bytes.size()) {
      fail_user(
          "{}: {} bytes are not a whole number of records of {} bytes ({} for "
          "labels, and 3 x 32 x 32 pixels); copy or download it again",
          name, bytes.size(), record, label_bytes);
    }
    for (std::size_t i = 0; i < count; ++i) {
      labels.push_back(checked_label(known, name, static_cast<std::int64_t>(i),
                                     bytes[i * record + label_bytes - 1]));
    }
    images.blocks.push_back(
        {.bytes = bytes.part(label_bytes, bytes.size() - label_bytes),
         .stride = record,
         .count = static_cast<std::int64_t>(count)});
  }
  return {std::move(images), std::move(labels)};
}

}  // namespace

Samples read_cifar10_binary(const KnownDataset& known, const Layout& layout,
                            const std::filesystem::path& place) {
  return read_records(known, read_files(layout, place), 1);
}

Samples read_cifar100_binary(const KnownDataset& known, const Layout& layout,
                             const std::filesystem::path& place) {
  return read_records(known, read_files(layout, place), 2);
}

}  // namespace cape::datasets
