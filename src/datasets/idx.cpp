#include "datasets/idx.h"

#include <fmt/ranges.h>

#include <optional>
#include <string>
#include <utility>

#include "core/error.h"
#include "datasets/files.h"

namespace cape::datasets {
namespace {

std::uint32_t big_endian(const Bytes& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | std::uint32_t{bytes[at + 3]};
}

/// The codes of element types.
constexpr std::pair<std::uint8_t, ElementType> kTypes[] = {
    {0x08, ElementType::uint8},   {0x09, ElementType::int8},
    {0x0b, ElementType::int16},   {0x0c, ElementType::int32},
    {0x0d, ElementType::float32}, {0x0e, ElementType::float64}};

std::optional<ElementType> type_of(std::uint8_t code) {
  for (const auto& [known, type] : kTypes) {
    if (known == code) return type;
  }
  return std::nullopt;
}

int code_of(ElementType type) {
  for (const auto& [code, known] : kTypes) {
    if (known == type) return code;
  }
  return 0;
}

void check_images(const KnownDataset& known, const std::string& file,
                  const Array& images) {
  if (images.type != ElementType::uint8 || images.shape.size() != 3) {
    fail_user(
        "{}: not an IDX file of images: an array of type {:#04x} and {} "
        "dimensions, not of unsigned bytes (0x08) and 3",
        file, code_of(images.type), images.shape.size());
  }
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

void check_labels(const std::string& file, const Array& labels,
                  std::int64_t images) {
  const bool integers = !is_floating(labels.type);
  if (!integers || labels.shape.size() > 2 || labels.shape.back() == 0) {
    fail_user(
        "{}: not an IDX file of labels: an array of type {:#04x} and shape {}, "
        "not of integers in 1 or 2 dimensions",
        file, code_of(labels.type), fmt::join(labels.shape, " x "));
  }
  if (labels.shape[0] != images) {
    fail_user(
        "{}: {} labels, but {} images beside them; are they of different "
        "downloads or splits?",
        file, labels.shape[0], images);
  }
}

std::vector<std::uint8_t> labels_of(const KnownDataset& known,
                                    const std::string& file,
                                    const Array& array) {
  const std::size_t row =
      array.shape.size() == 2 ? static_cast<std::size_t>(array.shape[1]) : 1;
  std::vector<std::uint8_t> labels;
  labels.reserve(static_cast<std::size_t>(array.shape[0]));
  for (std::int64_t i = 0; i < array.shape[0]; ++i) {
    const double label = array[static_cast<std::size_t>(i) * row];
    labels.push_back(
        checked_label(known, file, i, static_cast<std::int64_t>(label)));
  }
  return labels;
}

}  // namespace

bool is_idx(const Bytes& bytes) {
  return bytes.size() >= 4 && bytes[0] == 0 && bytes[1] == 0 &&
         type_of(bytes[2]) && bytes[3] > 0;
}

Array parse_idx(const File& file) {
  const Bytes& bytes = file.bytes;
  if (bytes.size() < 4) {
    fail_user("{}: too short for an IDX file: {} bytes", file.name,
              bytes.size());
  }
  if (!is_idx(bytes)) {
    fail_user(
        "{}: not an IDX file: it begins with {:#010x}, not with two zero "
        "bytes, an element type and the number of dimensions",
        file.name, big_endian(bytes, 0));
  }
  const std::size_t rank = bytes[3];
  const std::size_t header = 4 * (1 + rank);
  if (bytes.size() < header) {
    fail_user(
        "{}: too short for an IDX file: {} bytes, its header alone has {}",
        file.name, bytes.size(), header);
  }
  Array array{.type = *type_of(bytes[2]), .big_endian = true};
  for (std::size_t i = 0; i < rank; ++i)
    array.shape.push_back(big_endian(bytes, 4 * (1 + i)));
  const std::size_t held = bytes.size() - header;
  if (!has_size(array.shape, element_size(array.type), held)) {
    fail_user(
        "{}: its header says {} elements of {} bytes, but {} bytes follow it; "
        "copy or download it again",
        file.name, fmt::join(array.shape, " x "), element_size(array.type),
        held);
  }
  array.elements = bytes.part(header, held);
  return array;
}

Samples read_idx_samples(const KnownDataset& known, const Layout& layout,
                         const std::filesystem::path& place) {
  const std::vector<File> files = read_files(layout, place);
  const Array images = parse_idx(files.at(0));
  check_images(known, files[0].name, images);
  const Array labels = parse_idx(files.at(1));
  check_labels(files[1].name, labels, images.shape[0]);
  return {Images{.blocks = {{.bytes = images.elements,
                             .stride = sample_size(known),
                             .count = images.shape[0]}},
                 .transposed = known.transposed},
          labels_of(known, files[1].name, labels)};
}

}  // namespace cape::datasets
