#include "datasets/cifar_python.h"

#include <fmt/ranges.h>

#include "core/error.h"
#include "datasets/files.h"
#include "datasets/pickle.h"

namespace cape::datasets {
namespace {

Images::Block images_of(const KnownDataset& known, const std::string& file,
                        const pickle::Array& data) {
  const auto size = static_cast<std::int64_t>(sample_size(known));
  if (data.shape.size() != 2 || data.shape[1] != size) {
    fail_user("{}: images of shape {}, not N x {}", file,
              fmt::join(data.shape, " x "), size);
  }
  return {.bytes = data.bytes,
          .stride = sample_size(known),
          .count = data.shape[0]};
}

void append_labels(const KnownDataset& known, const std::string& file,
                   const pickle::List& list,
                   std::vector<std::uint8_t>& labels) {
  std::int64_t sample = 0;
  for (const pickle::Value* const item : list.items) {
    const auto* const label = std::get_if<std::int64_t>(&item->data);
    if (!label)
      fail_user("{}: the label of sample {} is no integer", file, sample);
    labels.push_back(checked_label(known, file, sample, *label));
    ++sample;
  }
}

Samples read_batches(const KnownDataset& known, const std::vector<File>& files,
                     const char* label_key) {
  Images images;
  std::vector<std::uint8_t> labels;
  for (const File& file : files) {
    const pickle::Document document(file);
    images.blocks.push_back(
        images_of(known, file.name, document.at<pickle::Array>("data")));
    const auto& list = document.at<pickle::List>(label_key);
    const auto count = static_cast<std::int64_t>(list.items.size());
    if (count != images.blocks.back().count) {
      fail_user("{}: {} labels, but {} images", file.name, count,
                images.blocks.back().count);
    }
    append_labels(known, file.name, list, labels);
  }
  return {std::move(images), std::move(labels)};
}

}  // namespace

Samples read_cifar10_python(const KnownDataset& known, const Layout& layout,
                            const std::filesystem::path& place) {
  return read_batches(known, read_files(layout, place), "labels");
}

Samples read_cifar100_python(const KnownDataset& known, const Layout& layout,
                             const std::filesystem::path& place) {
  return read_batches(known, read_files(layout, place), "fine_labels");
}

}  // namespace cape::datasets
