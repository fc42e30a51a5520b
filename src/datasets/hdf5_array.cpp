#include "datasets/hdf5_array.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "hdf5/hdf5.h"

namespace cape::datasets {
namespace {

using hdf5::Elements;

std::optional<ElementType> type_of(const Elements& elements) {
  using enum ElementType;
  const auto by_size = [&](std::optional<ElementType> one,
                           std::optional<ElementType> two, ElementType four,
                           ElementType eight) -> std::optional<ElementType> {
    switch (elements.size) {
      case 1:
        return one;
      case 2:
        return two;
      case 4:
        return four;
      case 8:
        return eight;
      default:
        return std::nullopt;
    }
  };
  switch (elements.kind) {
    case Elements::Kind::boolean:
      return boolean;
    case Elements::Kind::integer:
      return by_size(int8, int16, int32, int64);
    case Elements::Kind::unsigned_integer:
      return by_size(uint8, uint16, uint32, uint64);
    case Elements::Kind::floating:
      return by_size(std::nullopt, std::nullopt, float32, float64);
  }
  return std::nullopt;
}

Array shaped(ElementType type, const std::vector<std::uint64_t>& extents,
             const std::string& place) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;  // no overflow
  Array array{.type = type};
  std::uint64_t bytes = element_size(type);
  for (const std::uint64_t extent : extents) {
    if (extent > kMostBytes / bytes) {
      fail_user("{}: an array of {}, which is too large", place,
                fmt::join(extents, " x "));
    }
    bytes *= std::max<std::uint64_t>(extent, 1);
    array.shape.push_back(static_cast<std::int64_t>(extent));
  }
  return array;
}

Array read(const std::string& file, const std::string& name,
           const std::string& place) {
  const hdf5::Handle opened = hdf5::open_to_read(file);
  const hdf5::Handle dataset = hdf5::open_dataset(opened, name.c_str());
  const auto elements = hdf5::elements_of(dataset);
  const auto type = elements ? type_of(*elements) : std::nullopt;
  if (!type) {
    fail_user(
        "{}: its elements are not taken; save them as float32, float64, an "
        "integer type or bool",
        place);
  }
  Array array = shaped(*type, hdf5::extents(dataset), place);
  std::size_t bytes = element_size(*type);
  for (const std::int64_t extent : array.shape) bytes *= extent;
  if (const auto offset = hdf5::offset_in_file(dataset)) {
    const Bytes all = map_file(file);
    if (*offset > all.size() || bytes > all.size() - *offset) {
      fail_user("{}: the file is cut short; copy it again", place);
    }
    array.elements = all.part(*offset, bytes);
    array.big_endian = elements->big_endian;
    return array;
  }
  std::vector<std::uint8_t> values(bytes);
  if (bytes > 0) hdf5::read_all(dataset, *elements, values.data());
  array.elements = Bytes(std::move(values));
  return array;
}

}  // namespace

Array read_hdf5_array(const std::string& place) {
  const std::size_t colon = place.rfind(":/");
  if (colon == std::string::npos) {
    fail_user("{}: which array of the file? Give FILE:/NAME", place);
  }
  const std::string file = place.substr(0, colon);
  const std::string name = place.substr(colon + 1);
  const auto problem = hdf5::read_in_child(map_file(file).size(),
                                           [&] { read(file, name, place); });
  if (problem) {
    fail_user("{}: {}; the file is damaged, copy it again", place, *problem);
  }
  try {
    return read(file, name, place);
  } catch (const hdf5::Hdf5Error& error) {
    fail_user("{}: {}", place, error.what());
  }
}

}  // namespace cape::datasets
