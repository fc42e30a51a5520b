#include "datasets/idx.h"

#include <fmt/ranges.h>

#include <map>
#include <string>

#include "core/error.h"
#include "datasets/files.h"

namespace cape::datasets {
namespace {

std::uint32_t big_endian(const Bytes& bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | std::uint32_t{bytes[at + 3]};
}

bool is_type(std::uint8_t code) {
  return code >= 0x08 && code <= 0x0e && code != 0x0a;
}

void check_images(const KnownDataset& known, const std::string& file,
                  const IdxArray& images) {
  if (images.type != IdxType::uint8 || images.shape.size() != 3) {
    fail_user(
        "{}: not an IDX file of images: an array of type {:#04x} and {} "
        "dimensions, not of unsigned bytes (0x08) and 3",
        file, static_cast<int>(images.type), images.shape.size());
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

void check_labels(const std::string& file, const IdxArray& labels,
                  std::int64_t images) {
  const bool integers = labels.type < IdxType::float32;
  if (!integers || labels.shape.size() > 2 || labels.shape.back() == 0) {
    fail_user(
        "{}: not an IDX file of labels: an array of type {:#04x} and shape {}, "
        "not of integers in 1 or 2 dimensions",
        file, static_cast<int>(labels.type), fmt::join(labels.shape, " x "));
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
                                    const IdxArray& array) {
  const std::size_t row =
      array.shape.size() == 2 ? static_cast<std::size_t>(array.shape[1]) : 1;
  std::vector<std::uint8_t> labels;
  labels.reserve(static_cast<std::size_t>(array.shape[0]));
  for (std::int64_t i = 0; i < array.shape[0]; ++i) {
    const std::int64_t label = array.integer(static_cast<std::size_t>(i) * row);
    labels.push_back(checked_label(known, file, i, label));
  }
  return labels;
}

}  // namespace

std::size_t element_size(IdxType type) {
  switch (type) {
    case IdxType::uint8:
    case IdxType::int8:
      return 1;
    case IdxType::int16:
      return 2;
    case IdxType::int32:
    case IdxType::float32:
      return 4;
    case IdxType::float64:
      return 8;
  }
  return 0;
}

std::int64_t IdxArray::integer(std::size_t index) const {
  switch (type) {
    case IdxType::uint8:
      return elements[index];
    case IdxType::int8:
      return static_cast<std::int8_t>(elements[index]);
    case IdxType::int16:
      return static_cast<std::int16_t>(elements[2 * index] << 8 |
                                       elements[2 * index + 1]);
    case IdxType::int32:
      return static_cast<std::int32_t>(big_endian(elements, 4 * index));
    case IdxType::float32:
    case IdxType::float64:
      break;
  }
  fail("an integer asked for of an IDX array of floating-point numbers");
}

Array to_array(const IdxArray& idx) {
  static const std::map<IdxType, ElementType> kTypes = {
      {IdxType::uint8, ElementType::uint8},
      {IdxType::int8, ElementType::int8},
      {IdxType::int16, ElementType::int16},
      {IdxType::int32, ElementType::int32},
      {IdxType::float32, ElementType::float32},
      {IdxType::float64, ElementType::float64}};
  return {.type = kTypes.at(idx.type),
          .big_endian = true,
          .shape = idx.shape,
          .elements = idx.elements};
}

IdxArray parse_idx(const File& file) {
  const Bytes& bytes = file.bytes;
  if (bytes.size() < 4) {
    fail_user("{}: too short for an IDX file: {} bytes", file.name,
              bytes.size());
  }
  const std::size_t rank = bytes[3];
  if (bytes[0] != 0 || bytes[1] != 0 || !is_type(bytes[2]) || rank == 0) {
    fail_user(
        "{}: not an IDX file: it begins with {:#010x}, not with two zero "
        "bytes, an element type and the number of dimensions",
        file.name, big_endian(bytes, 0));
  }
  const std::size_t header = 4 * (1 + rank);
  if (bytes.size() < header) {
    fail_user(
        "{}: too short for an IDX file: {} bytes, its header alone has {}",
        file.name, bytes.size(), header);
  }
  IdxArray array;
  array.type = static_cast<IdxType>(bytes[2]);
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
  const IdxArray images = parse_idx(files.at(0));
  check_images(known, files[0].name, images);
  const IdxArray labels = parse_idx(files.at(1));
  check_labels(files[1].name, labels, images.shape[0]);
  return {Images{.blocks = {{.bytes = images.elements,
                             .stride = sample_size(known),
                             .count = images.shape[0]}},
                 .transposed = known.transposed},
          labels_of(known, files[1].name, labels)};
}

}  // namespace cape::datasets
