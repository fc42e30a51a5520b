// Sound HDF5 files that are strange shards: the input chooses types, shapes,
// layouts, links and attributes. So it is the shard reader that is tried, and
// not HDF5.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <array>

#include "shard/checksum.h"
#include "shard/merge.h"
#include "shard/reader.h"
#include "shard/record.h"
#include "support.h"

namespace {

using namespace cape;
using namespace cape::shard;
using hdf5::Handle;

/// A type, and whether bytes of any value are values of it: no pointers.
struct Type {
  Handle handle;
  bool plain = true;
};

class ShardMaker {
 public:
  explicit ShardMaker(FuzzedDataProvider& choices)
      : choices_(choices), file_(hdf5::create_in_memory()) {}

  /// The bytes of the file, checksum included.
  std::string make() {
    write_version();
    for (unsigned n = below(4); n > 0; --n) write_attribute(word());
    write_object(file_, "trials", row());
    const Handle curves = hdf5::create_group(file_, "curves");
    write_object(curves, "loss",
                 rarely() ? any(0) : Type{hdf5::copy_of(H5T_IEEE_F32LE)});
    if (rarely()) {
      write_object(file_, "config", any(0));
    } else {
      hdf5::write_text(file_, "config", word());
    }
    std::string image = hdf5::file_image(file_);
    append_checksum(image);
    return image;
  }

 private:
  unsigned below(unsigned limit) {
    return choices_.ConsumeIntegralInRange<unsigned>(0, limit - 1);
  }
  /// Not at all once the input is used up.
  bool rarely() { return below(32) == 31; }
  std::string word() {
    std::string text = choices_.ConsumeRandomLengthString(40);
    std::erase(text, '\0');
    return text.empty() ? "x" : text;
  }

  void write_version() {
    if (rarely()) {
      write_attribute("schema_version");
    } else if (!rarely()) {
      hdf5::write_attribute(file_, "schema_version", kSchemaVersion);
    }
  }

  void write_attribute(const std::string& name) {
    if (hdf5::has_attribute(file_, name.c_str())) return;
    const Type type =
        rarely() ? any(0) : Type{hdf5::string_type(H5T_VARIABLE), false};
    const Handle space = space_of(false);
    const Handle attribute(H5Acreate2(file_, name.c_str(), type.handle, space,
                                      H5P_DEFAULT, H5P_DEFAULT),
                           H5Aclose, "make an attribute");
    const auto values = bytes_for(type, space);
    if (!values.empty()) H5Awrite(attribute, type.handle, values.data());
  }

  /// Keys have their width, texts any.
  std::size_t width_of(const Column& column) {
    return column.type == ColumnType::text ? 1 + below(600) : column.size;
  }

  /// The type of a row, with few columns that are wrong, missing or too many.
  Type row() {
    if (rarely()) return any(0);
    std::vector<hdf5::Member> members;
    std::size_t size = 0;
    bool plain = true;
    const auto add = [&](std::string name, Type type) {
      const std::size_t width = H5Tget_size(type.handle);
      members.push_back({std::move(name), size, std::move(type.handle)});
      size += width + (rarely() ? below(9) : 0);
      plain = plain && type.plain;
    };
    for (const Column& column : columns()) {
      if (rarely()) continue;
      add(std::string(column.name),
          rarely() ? any(0) : Type{stored_type(column.type, width_of(column))});
      if (rarely()) add(fmt::format("more {}", size), any(0));
    }
    if (rarely()) std::ranges::reverse(members);
    return {hdf5::compound_type(size + 1, members), plain};
  }

  Type any(int depth) {
    switch (below(depth < 2 ? 12 : 9)) {
      case 0:
        return {hdf5::string_type(1 + below(600))};
      case 1:
        return {hdf5::string_type(H5T_VARIABLE), false};
      case 2:
        return integer();
      case 3:
        return {hdf5::copy_of(H5T_IEEE_F32BE)};
      case 4:
        return {hdf5::copy_of(H5T_VAX_F64)};
      case 5:
        return enumeration();
      case 6:
        return {Handle(H5Tcreate(H5T_OPAQUE, 1 + below(64)), H5Tclose, "make")};
      case 7:
        return {hdf5::copy_of(H5T_STD_REF_OBJ), false};
      case 8:
        return {hdf5::copy_of(H5T_STD_B16LE)};
      case 9: {
        const Type item = any(depth + 1);
        return {Handle(H5Tvlen_create(item.handle), H5Tclose, "make"), false};
      }
      case 10: {
        const Type item = any(depth + 1);
        const hsize_t extents[] = {1 + below(8), 1 + below(8)};
        return {Handle(H5Tarray_create2(item.handle, 1 + below(2), extents),
                       H5Tclose, "make"),
                item.plain};
      }
      default: {
        Type item = any(depth + 1);
        const std::size_t size = H5Tget_size(item.handle);
        std::vector<hdf5::Member> members;
        members.push_back({word(), 0, std::move(item.handle)});
        return {hdf5::compound_type(size, members), item.plain};
      }
    }
  }

  Type integer() {
    static const std::array kTypes = {
        H5T_STD_I8LE,  H5T_STD_U8LE,  H5T_STD_I16BE, H5T_STD_I32LE,
        H5T_STD_U32BE, H5T_STD_I64BE, H5T_STD_I64LE, H5T_STD_U64LE};
    Handle type = hdf5::copy_of(kTypes[below(kTypes.size())]);
    if (rarely()) H5Tset_precision(type, 1 + below(8));
    return {std::move(type)};
  }

  Type enumeration() {
    Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose, "make");
    for (int n = static_cast<int>(below(4)); n >= 0; --n) {
      const auto value = static_cast<signed char>(n + below(100));
      H5Tenum_insert(type, word().c_str(), &value);
    }
    return {std::move(type)};
  }

  /// Mostly a line of few elements.
  Handle space_of(bool large) {
    if (rarely()) return {H5Screate(H5S_NULL), H5Sclose, "make"};
    if (rarely()) return {H5Screate(H5S_SCALAR), H5Sclose, "make"};
    std::array<hsize_t, 3> extents{};
    for (hsize_t& extent : extents) extent = 1 + below(4);
    if (large && rarely())
      extents[0] = choices_.ConsumeIntegralInRange<hsize_t>(0, 1ULL << 60);
    const int rank = rarely() ? 1 + static_cast<int>(below(3)) : 1;
    return {H5Screate_simple(rank, extents.data(), nullptr), H5Sclose, "make"};
  }

  /// As large as its values, at most 1 MB; nothing where it cannot be written.
  std::vector<std::uint8_t> bytes_for(const Type& type, const Handle& space) {
    const auto count = H5Sget_simple_extent_npoints(space);
    constexpr hssize_t kMost = 1 << 20;
    if (!type.plain || count <= 0 || count > kMost) return {};
    const std::size_t size = H5Tget_size(type.handle) * count;
    if (size > kMost) return {};
    std::vector<std::uint8_t> bytes(size);
    choices_.ConsumeData(bytes.data(), std::min<std::size_t>(size, below(64)));
    return bytes;
  }

  Handle layout_for(const Handle& space) {
    Handle layout(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, "make");
    const int rank = H5Sget_simple_extent_ndims(space);
    std::array<hsize_t, 3> chunk{};
    for (hsize_t& extent : chunk) extent = 1 + below(rarely() ? 1U << 31 : 300);
    switch (below(rarely() ? 5 : 1)) {
      case 0:
        if (rank > 0) H5Pset_chunk(layout, rank, chunk.data());
        if (rank > 0) H5Pset_deflate(layout, below(10));
        break;
      case 1:
        H5Pset_layout(layout, H5D_COMPACT);
        break;
      case 2:
        H5Pset_external(layout, "/proc/self/maps", 0, H5F_UNLIMITED);
        break;
      case 3:
        if (rank > 0) H5Pset_virtual(layout, space, "/tmp/x", "y", space);
        break;
      default:
        break;
    }
    return layout;
  }

  void write_object(const Handle& parent, const char* name, const Type& type) {
    if (rarely()) return link(parent, name);
    const Handle space = space_of(true);
    const Handle layout = layout_for(space);
    const hid_t dataset = H5Dcreate2(parent, name, type.handle, space,
                                     H5P_DEFAULT, layout, H5P_DEFAULT);
    if (dataset < 0) return;
    const Handle owner(dataset, H5Dclose, "make");
    const auto values = bytes_for(type, space);
    if (!values.empty())
      H5Dwrite(dataset, type.handle, H5S_ALL, H5S_ALL, H5P_DEFAULT,
               values.data());
  }

  void link(const Handle& parent, const char* name) {
    switch (below(4)) {
      case 0:
        H5Lcreate_soft("/config", parent, name, H5P_DEFAULT, H5P_DEFAULT);
        break;
      case 1:
        H5Lcreate_soft(name, parent, name, H5P_DEFAULT, H5P_DEFAULT);
        break;
      case 2:
        H5Lcreate_external("shard.h5", "/columns", parent, name, H5P_DEFAULT,
                           H5P_DEFAULT);
        break;
      default:
        hdf5::create_group(parent, name);
    }
  }

  FuzzedDataProvider& choices_;
  Handle file_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  static const fuzz::Folder folder;
  FuzzedDataProvider choices(data, size);
  std::string image;
  try {
    image = ShardMaker(choices).make();
  } catch (const hdf5::Hdf5Error&) {
    return -1;  // HDF5 itself refuses to write that
  }
  const auto path = folder.write(
      "shard.h5",
      {reinterpret_cast<const std::uint8_t*>(image.data()), image.size()});
  fuzz::takes([&] { read_curves(path); });
  fuzz::takes([&] { read_provenance(path); });
  const MergedTable table({path});
  for (std::size_t i = 0; i < table.size(); ++i) (void)table.row(i);
  return 0;
}
