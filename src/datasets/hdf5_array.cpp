#include "datasets/hdf5_array.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"
#include "datasets/array_file.h"
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
      return by_size(std::nullopt, float16, float32, float64);
  }
  return std::nullopt;
}

/// Those of a type that type_of knows.
Elements elements_of(const hdf5::Handle& dataset, const std::string& place) {
  const auto elements = hdf5::elements_of(dataset);
  if (elements && type_of(*elements)) return *elements;
  fail_user(
      "{}: its elements are {}, but only floating-point numbers of 16 to 64 "
      "bits, integers and booleans can be read; save them as one of these",
      place, hdf5::describe_elements(dataset));
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

hdf5::Handle open(const File& file, bool on_disk) {
  return on_disk ? hdf5::open_to_read(file.name)
                 : hdf5::open_in_memory(file.bytes.data(), file.bytes.size());
}

/// Links lead to arrays that are not listed under the name of the link.
hdf5::Handle open_array(const hdf5::Handle& opened, const File& file,
                        const std::string& name) {
  if (!name.empty() && hdf5::is_dataset(opened, name.c_str()))
    return hdf5::open_dataset(opened, name.c_str());
  const std::string chosen =
      choose_array(file.name, name, hdf5::dataset_names(opened));
  return hdf5::open_dataset(opened, chosen.c_str());
}

Hdf5Array read(const File& file, bool on_disk, const std::string& name) {
  const hdf5::Handle opened = open(file, on_disk);
  const hdf5::Handle dataset = open_array(opened, file, name);
  const std::string place = file.name + (name.empty() ? "" : ":") + name;
  const Elements elements = elements_of(dataset, place);
  const ElementType type = *type_of(elements);
  // MATLAB says the size of an empty array in place of its elements.
  if (hdf5::has_attribute(dataset, "MATLAB_empty") &&
      hdf5::read_int_attribute(dataset, "MATLAB_empty") != 0) {
    fail_user("{}: an empty array", place);
  }
  Hdf5Array result{shaped(type, hdf5::extents(dataset), place),
                   hdf5::has_attribute(dataset, "MATLAB_class")};
  Array& array = result.array;
  std::size_t bytes = element_size(type);
  for (const std::int64_t extent : array.shape) bytes *= extent;
  const auto offset = hdf5::offset_in_file(dataset);
  if (offset) {
    if (*offset > file.bytes.size() || bytes > file.bytes.size() - *offset)
      fail_user("{}: the file is cut short; copy it again", place);
    array.elements = file.bytes.part(*offset, bytes);
    array.big_endian = elements.big_endian;
  } else {
    std::vector<std::uint8_t> values(bytes);
    if (bytes > 0) hdf5::read_all(dataset, elements, values.data());
    array.elements = Bytes(std::move(values));
  }
  if (result.from_matlab && array.shape.size() > 1) {
    std::ranges::reverse(array.shape);
    array = from_columns(std::move(array));
  }
  return result;
}

}  // namespace

Hdf5Array read_hdf5_array(const File& file, bool on_disk,
                          const std::string& name) {
  // HDF5 counts as absolute what begins with a slash.
  const std::string path =
      name.empty() || name.starts_with('/') ? name : "/" + name;
  const auto problem = hdf5::read_in_child(file.bytes.size(),
                                           [&] { read(file, on_disk, path); });
  if (problem) {
    fail_user("{}: {}; the file is damaged, copy it again", file.name,
              *problem);
  }
  try {
    return read(file, on_disk, path);
  } catch (const hdf5::Hdf5Error& error) {
    fail_user("{}{}{}: {}", file.name, path.empty() ? "" : ":", path,
              error.what());
  }
}

}  // namespace cape::datasets
