#include "datasets/cifar_binary.h"

#include "core/error.h"
#include "datasets/files.h"

namespace cape::datasets {
namespace {

/// The pixels of a record.
constexpr std::size_t kPixels = 3UL * 32 * 32;

/// Adds records with `label_bytes` labels, of which only the last one is used.
void add_records(const File& file, std::size_t label_bytes, Images& images,
                 std::vector<std::uint8_t>& labels) {
  const auto& [name, bytes] = file;
  const std::size_t record = label_bytes + kPixels;
  const std::size_t count = bytes.size() / record;
  if (count == 0 || count * record != bytes.size()) {
    fail_user(
        "{}: {} bytes are not a whole number of records of {} bytes ({} for "
        "labels, and 3 x 32 x 32 pixels); copy or download it again",
        name, bytes.size(), record, label_bytes);
  }
  for (std::size_t i = 0; i < count; ++i)
    labels.push_back(bytes[i * record + label_bytes - 1]);
  images.blocks.push_back(
      {.bytes = bytes.part(label_bytes, bytes.size() - label_bytes),
       .stride = record,
       .count = static_cast<std::int64_t>(count)});
}

Samples read_records(const KnownDataset& known, const std::vector<File>& files,
                     std::size_t label_bytes) {
  Images images;
  std::vector<std::uint8_t> labels;
  for (const File& file : files) {
    const std::size_t first = labels.size();
    add_records(file, label_bytes, images, labels);
    for (std::size_t i = first; i < labels.size(); ++i) {
      labels[i] = checked_label(
          known, file.name, static_cast<std::int64_t>(i - first), labels[i]);
    }
  }
  return {std::move(images), std::move(labels)};
}

}  // namespace

Samples read_cifar_records(const File& file) {
  Images images;
  std::vector<std::uint8_t> labels;
  add_records(file, 1, images, labels);
  return {std::move(images), std::move(labels)};
}

Samples read_cifar10_binary(const KnownDataset& known, const Layout& layout,
                            const std::filesystem::path& place) {
  return read_records(known, read_files(layout, place), 1);
}

Samples read_cifar100_binary(const KnownDataset& known, const Layout& layout,
                             const std::filesystem::path& place) {
  return read_records(known, read_files(layout, place), 2);
}

}  // namespace cape::datasets
