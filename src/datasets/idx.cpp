#include "datasets/idx.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <string>

#include "core/error.h"
#include "datasets/gzip.h"
#include "datasets/locate.h"

namespace cape::datasets {
namespace {

constexpr std::uint32_t kUnsignedByte = 0x08;

std::size_t header_size(std::size_t rank) { return 4 * (1 + rank); }

std::uint32_t big_endian(const std::vector<std::uint8_t>& bytes,
                         std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | std::uint32_t{bytes[at + 3]};
}

/// Whether the product of `shape` is `size`; no product overflows on the way.
bool has_size(const std::vector<std::int64_t>& shape, std::size_t size) {
  std::size_t product = 1;
  for (const std::int64_t extent : shape) {
    product *= static_cast<std::size_t>(extent);
    if (product == 0 || product > size) return product == size;
  }
  return product == size;
}

std::vector<std::int64_t> read_header(const std::string& file,
                                      const std::vector<std::uint8_t>& bytes,
                                      std::size_t rank) {
  if (bytes.size() < header_size(rank)) {
    fail_user(
        "{}: too short for an IDX file: {} bytes, its header alone has {}",
        file, bytes.size(), header_size(rank));
  }
  const std::uint32_t expected =
      kUnsignedByte << 8 | static_cast<std::uint32_t>(rank);
  const std::uint32_t magic = big_endian(bytes, 0);
  if (magic != expected) {
    fail_user(
        "{}: not an IDX file of {}-dimensional unsigned bytes: it begins with "
        "{:#010x}, not {:#010x}",
        file, rank, magic, expected);
  }
  std::vector<std::int64_t> shape(rank);
  for (std::size_t i = 0; i < rank; ++i)
    shape[i] = big_endian(bytes, 4 * (1 + i));
  return shape;
}

void check_images(const KnownDataset& known, const std::string& file,
                  const IdxArray& images) {
  const std::vector<std::int64_t> size(images.shape.begin() + 1,
                                       images.shape.end());
  const std::vector<std::int64_t> expected(known.shape.begin() + 1,
                                           known.shape.end());
  if (size != expected) {
    fail_user("{}: images of {}, those of {} have {}", file,
              fmt::join(size, " x "), known.name, fmt::join(expected, " x "));
  }
  if (images.shape[0] == 0) fail_user("{}: holds no images", file);
}

void check_labels(const KnownDataset& known, const std::string& file,
                  const IdxArray& labels, std::int64_t images) {
  if (labels.shape[0] != images) {
    fail_user(
        "{}: {} labels, but {} images beside them; are they of different "
        "downloads or splits?",
        file, labels.shape[0], images);
  }
  const auto wrong =
      std::find_if(labels.values.begin(), labels.values.end(),
                   [&](std::uint8_t label) { return label >= known.classes; });
  if (wrong != labels.values.end()) {
    fail_user("{}: label {} at sample {}, but the labels of {} are 0 to {}",
              file, *wrong, wrong - labels.values.begin(), known.name,
              known.classes - 1);
  }
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& file, std::size_t rank,
                  std::size_t most_values) {
  const std::size_t header = header_size(rank);
  IdxArray array;
  array.values = read_maybe_gzip(file, header + most_values);
  array.shape = read_header(file.string(), array.values, rank);
  const std::size_t held = array.values.size() - header;
  if (!has_size(array.shape, held)) {
    fail_user(
        "{}: its header says {} bytes, but {} follow it; copy or download it "
        "again",
        file.string(), fmt::join(array.shape, " x "), held);
  }
  array.values.erase(
      array.values.begin(),
      array.values.begin() + static_cast<std::ptrdiff_t>(header));
  return array;
}

Samples read_idx_samples(const KnownDataset& known,
                         const std::filesystem::path& directory) {
  const std::filesystem::path image_file = find_file(directory, known.files[0]);
  const std::filesystem::path label_file = find_file(directory, known.files[1]);
  const auto most = static_cast<std::size_t>(known.train_size);
  std::size_t image_size = 1;
  for (const std::int64_t extent : known.shape)
    image_size *= static_cast<std::size_t>(extent);

  IdxArray images = read_idx(image_file, 3, most * image_size);
  check_images(known, image_file.string(), images);
  IdxArray labels = read_idx(label_file, 1, most);
  check_labels(known, label_file.string(), labels, images.shape[0]);
  return {images.shape[0], std::move(images.values), std::move(labels.values)};
}

}  // namespace cape::datasets
