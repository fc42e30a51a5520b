#include "hdf5/hdf5.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "core/run_in_child.h"
#include "core/utf8.h"
#include "hdf5/chunks.h"

namespace cape::hdf5 {
namespace {

constexpr unsigned kDeflateLevel = 6;
constexpr std::size_t kMemoryFileGrowth = 1 << 20;

// The largest chunk that is read, since a chunk is in memory as a whole; chunks
// that this program writes have less than 1 MB.
constexpr double kMostChunkBytes = 64 << 20;
// Deflate turns at most so many bytes into one.
constexpr double kMostPacking = 1032;

herr_t append_description(unsigned, const H5E_error2_t* error, void* text) {
  auto& joined = *static_cast<std::string*>(text);
  if (error->desc == nullptr || *error->desc == '\0') return 0;
  if (!joined.empty()) joined += ": ";
  joined += error->desc;
  return 0;
}

[[noreturn]] void raise(const char* action) {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, &append_description, &text);
  std::ranges::replace(text, '\n', ' ');
  throw Hdf5Error(fmt::format("HDF5 cannot {}: {}", action, text));
}

/// Errors become exceptions, so HDF5 does not print them as well.
void silence() {
  static const herr_t status = H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  check(status, "turn off its messages");
}

/// All that is read from a file must be stored in that file.
void forbid_external_links() {
  static const herr_t status = H5Lunregister(H5L_TYPE_EXTERNAL);
  check(status, "forbid external links");
}

Handle file_access() {
  silence();
  forbid_external_links();
  Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "make a property list");
  return access;
}

Handle scalar_space() {
  return {H5Screate(H5S_SCALAR), H5Sclose, "make a data space"};
}

/// The elements [first, first + count) of a dataset in its file.
Handle selection(const Handle& dataset, hsize_t first, hsize_t count) {
  Handle space(H5Dget_space(dataset), H5Sclose, "get a data space");
  check(H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, nullptr, &count,
                            nullptr),
        "select elements");
  return space;
}

Handle line_space(hsize_t count) {
  return {H5Screate_simple(1, &count, nullptr), H5Sclose, "make a data space"};
}

/// Reads one variable-length string through `read_into`, which fills a char*.
template <class Read>
std::string take_text(Read read_into) {
  char* text = nullptr;
  check(read_into(static_cast<void*>(&text)), "read a text");
  const std::unique_ptr<char, herr_t (*)(void*)> owner(text, H5free_memory);
  return text == nullptr ? std::string() : std::string(text);
}

/// What reading one chunk of a chunked dataset takes.
double chunk_bytes(const Handle& layout, std::size_t element) {
  hsize_t extents[H5S_MAX_RANK] = {};
  const int rank = H5Pget_chunk(layout, H5S_MAX_RANK, extents);
  if (rank < 0) raise("get the chunk length");
  double bytes = static_cast<double>(element);
  for (int i = 0; i < rank; ++i) bytes *= static_cast<double>(extents[i]);
  return bytes;
}

/// What a file and users call a filter.
std::string filter_name(H5Z_filter_t filter, const char* stored) {
  static constexpr std::pair<H5Z_filter_t, const char*> kNames[] = {
      {H5Z_FILTER_SZIP, "szip"},
      {307, "bzip2"},
      {32000, "lzf"},
      {32001, "blosc"},
      {32004, "lz4"},
      {32008, "bitshuffle"},
      {32013, "zfp"},
      {32015, "zstandard"},
      {32026, "blosc2"}};
  for (const auto& [known, name] : kNames)
    if (known == filter) return name;
  return *stored == '\0' ? "without a name" : stored;
}

/// HDF5 itself would say only that it cannot read.
void check_filters(const Handle& layout) {
  const int count = H5Pget_nfilters(layout);
  if (count < 0) raise("count filters");
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    unsigned flags = 0;
    std::size_t values = 0;
    std::array<char, 64> stored{};
    const H5Z_filter_t filter =
        H5Pget_filter2(layout, i, &flags, &values, nullptr, stored.size() - 1,
                       stored.data(), nullptr);
    if (filter < 0) raise("get a filter");
    const htri_t available = H5Zfilter_avail(filter);
    check(available, "look up a filter");
    if (available > 0) continue;
    throw Hdf5Error(fmt::format(
        "compressed by the filter {} (id {}), which is missing here; save it "
        "again without it, in h5py: create_dataset(NAME, data=ARRAY, "
        "compression='gzip')",
        escape_non_utf8(filter_name(filter, stored.data())), filter));
  }
}

/// HDF5 trusts what a file says about a dataset, and reads other files for it.
void check_storage(const Handle& dataset) {
  const Handle layout(H5Dget_create_plist(dataset), H5Pclose, "get a layout");
  const H5D_layout_t kind = H5Pget_layout(layout);
  if (kind == H5D_VIRTUAL || H5Pget_external_count(layout) != 0) {
    throw Hdf5Error("a dataset is in other files");
  }
  const Handle type(H5Dget_type(dataset), H5Tclose, "get a type");
  const std::size_t element = H5Tget_size(type);
  check_filters(layout);
  if (kind == H5D_CHUNKED && chunk_bytes(layout, element) > kMostChunkBytes) {
    throw Hdf5Error("a dataset has chunks of more than 64 MB");
  }
  const Handle space(H5Dget_space(dataset), H5Sclose, "get a data space");
  const Handle file(H5Iget_file_id(dataset), H5Fclose, "get a file");
  hsize_t file_size = 0;
  check(H5Fget_filesize(file, &file_size), "get the size of a file");
  const double stored =
      static_cast<double>(std::min(H5Dget_storage_size(dataset), file_size));
  const double bytes = static_cast<double>(element) *
                       static_cast<double>(H5Sget_simple_extent_npoints(space));
  if (bytes > stored * kMostPacking) {
    throw Hdf5Error("a dataset says that it has more than the file can hold");
  }
}

bool is_variable_text(const Handle& type) {
  return H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0;
}

}  // namespace

Handle::Handle(hid_t id, Closer closer, const char* action)
    : id_(id), closer_(closer) {
  if (id < 0) raise(action);
}

Handle::~Handle() {
  if (id_ >= 0) closer_(id_);
}

void Handle::close() {
  check(closer_(std::exchange(id_, H5I_INVALID_HID)), "close");
}

void check(herr_t status, const char* action) {
  if (status < 0) raise(action);
}

Handle create_in_memory() {
  const Handle access = file_access();
  check(H5Pset_fapl_core(access, kMemoryFileGrowth, false),
        "choose memory for a file");
  return {H5Fcreate("in memory", H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose,
          "create a file in memory"};
}

std::string file_image(const Handle& file) {
  check(H5Fflush(file, H5F_SCOPE_GLOBAL), "flush");
  const ssize_t size = H5Fget_file_image(file, nullptr, 0);
  if (size < 0) raise("measure a file in memory");
  std::string image(static_cast<std::size_t>(size), '\0');
  if (H5Fget_file_image(file, image.data(), image.size()) != size) {
    raise("copy a file in memory");
  }
  return image;
}

Handle open_to_read(const std::filesystem::path& path) {
  const Handle access = file_access();
  // Shards never change while they are read, and some network file systems
  // cannot lock files.
  check(H5Pset_file_locking(access, false, true), "turn off file locking");
  return {H5Fopen(path.c_str(), H5F_ACC_RDONLY, access), H5Fclose, "open"};
}

Handle open_in_memory(const void* bytes, std::size_t size) {
  const Handle access = file_access();
  check(H5Pset_fapl_core(access, kMemoryFileGrowth, false),
        "choose memory for a file");
  check(H5Pset_file_image(access, const_cast<void*>(bytes), size),
        "take a file in memory");
  return {H5Fopen("in memory", H5F_ACC_RDONLY, access), H5Fclose, "open"};
}

std::uint64_t content_size(const Handle& file) {
  haddr_t end = 0;
  check(H5Fget_eoa(file, &end), "find the end of a file");
  return end;
}

std::optional<std::string> read_in_child(std::uint64_t bytes,
                                         const std::function<void()>& body) {
  constexpr std::uint64_t kBytesPerSecond = 1'000'000;
  const auto end =
      run_in_child(body, static_cast<unsigned>(2 + bytes / kBytesPerSecond));
  if (!end) return std::nullopt;
  return "HDF5 fails on it: " + *end;
}

Handle create_group(const Handle& parent, const char* name) {
  return {H5Gcreate2(parent, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
          H5Gclose, "create a group"};
}

bool exists(const Handle& parent, const char* name) {
  const htri_t found = H5Lexists(parent, name, H5P_DEFAULT);
  check(found, "look up a name");
  return found > 0;
}

Handle copy_of(hid_t type) { return {H5Tcopy(type), H5Tclose, "copy a type"}; }

Handle string_type(std::size_t size) {
  Handle type = copy_of(H5T_C_S1);
  check(H5Tset_size(type, size), "size a string type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "choose UTF-8");
  if (size != H5T_VARIABLE) {
    check(H5Tset_strpad(type, H5T_STR_NULLPAD), "choose padding");
  }
  return type;
}

Handle bool_type() {
  Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose, "make an enum type");
  for (const signed char value : {0, 1}) {
    check(H5Tenum_insert(type, value == 0 ? "FALSE" : "TRUE", &value),
          "make an enum type");
  }
  return type;
}

Handle compound_type(std::size_t size, const std::vector<Member>& members) {
  Handle type(H5Tcreate(H5T_COMPOUND, size), H5Tclose, "make a row type");
  for (const Member& member : members) {
    check(H5Tinsert(type, member.name.c_str(), member.offset, member.type),
          "make a row type");
  }
  return type;
}

Handle packed(const Handle& compound) {
  Handle type = copy_of(compound);
  check(H5Tpack(type), "pack a row type");
  return type;
}

Handle create_table(const Handle& parent, const char* name,
                    const Handle& stored_type, std::size_t chunk_length) {
  const hsize_t none = 0;
  const hsize_t unlimited = H5S_UNLIMITED;
  const hsize_t chunk = chunk_length;
  const Handle space(H5Screate_simple(1, &none, &unlimited), H5Sclose,
                     "make a data space");
  const Handle layout(H5Pcreate(H5P_DATASET_CREATE), H5Pclose,
                      "make a property list");
  check(H5Pset_chunk(layout, 1, &chunk), "set the chunk length");
  check(H5Pset_shuffle(layout), "turn on shuffling");
  check(H5Pset_deflate(layout, kDeflateLevel), "turn on compression");
  // The same rows must give the same bytes, whenever they are written.
  check(H5Pset_obj_track_times(layout, false), "turn off time stamps");
  return {H5Dcreate2(parent, name, stored_type, space, H5P_DEFAULT, layout,
                     H5P_DEFAULT),
          H5Dclose, "create a dataset"};
}

bool is_dataset(const Handle& file, const char* name) {
  // H5Oexists_by_name fails where a group on the way is missing.
  for (const char* end = name + 1; (end = std::strchr(end, '/')) != nullptr;
       ++end) {
    const std::string group(name, end);
    if (H5Oexists_by_name(file, group.c_str(), H5P_DEFAULT) <= 0) return false;
  }
  if (H5Oexists_by_name(file, name, H5P_DEFAULT) <= 0) return false;
  const Handle object(H5Oopen(file, name, H5P_DEFAULT), H5Oclose,
                      "open an object");
  return H5Iget_type(object) == H5I_DATASET;
}

std::vector<std::string> dataset_names(const Handle& file) {
  std::vector<std::string> names;
  const auto visit = [](hid_t, const char* name, const H5O_info_t* info,
                        void* all) -> herr_t {
    if (info->type == H5O_TYPE_DATASET && *name != '#') {
      static_cast<std::vector<std::string>*>(all)->push_back(std::string("/") +
                                                             name);
    }
    return 0;
  };
  check(H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, visit, &names,
                  H5O_INFO_BASIC),
        "list the datasets");
  return names;
}

Handle open_dataset(const Handle& parent, const char* name) {
  Handle dataset(H5Dopen2(parent, name, H5P_DEFAULT), H5Dclose,
                 "open a dataset");
  check_storage(dataset);
  return dataset;
}

std::uint64_t length(const Handle& dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose, "get a data space");
  if (H5Sget_simple_extent_ndims(space) != 1) {
    throw Hdf5Error("a dataset has not one dimension");
  }
  hsize_t size = 0;
  check(H5Sget_simple_extent_dims(space, &size, nullptr), "get a length");
  return size;
}

void append(const Handle& dataset, hid_t memory_type, std::size_t count,
            const void* data) {
  const hsize_t first = length(dataset);
  const hsize_t end = first + count;
  check(H5Dset_extent(dataset, &end), "extend a dataset");
  const Handle target = selection(dataset, first, count);
  check(H5Dwrite(dataset, memory_type, line_space(count), target, H5P_DEFAULT,
                 data),
        "write a dataset");
}

void read(const Handle& dataset, hid_t memory_type, std::uint64_t first,
          std::size_t count, void* data) {
  if (read_chunks(dataset, memory_type, first, count, data)) return;
  const Handle source = selection(dataset, first, count);
  check(H5Dread(dataset, memory_type, line_space(count), source, H5P_DEFAULT,
                data),
        "read a dataset");
}

namespace {

/// Whether a floating-point type is one of IEEE's, which bfloat16 is not.
bool is_ieee(const Handle& type) {
  std::size_t sign = 0;
  std::size_t exponent = 0;
  std::size_t exponent_bits = 0;
  std::size_t fraction = 0;
  std::size_t fraction_bits = 0;
  check(H5Tget_fields(type, &sign, &exponent, &exponent_bits, &fraction,
                      &fraction_bits),
        "get the parts of a number");
  switch (H5Tget_size(type)) {
    case 2:
      return exponent_bits == 5 && fraction_bits == 10;
    case 4:
      return exponent_bits == 8 && fraction_bits == 23;
    case 8:
      return exponent_bits == 11 && fraction_bits == 52;
    default:
      return false;
  }
}

bool is_complex(const Handle& type) {
  const auto has = [&](const char* part) {
    return H5Tget_member_index(type, part) >= 0;
  };
  // As h5py and as MATLAB write them.
  return (has("r") && has("i")) || (has("real") && has("imag"));
}

}  // namespace

std::optional<Elements> elements_of(const Handle& dataset) {
  const Handle type(H5Dget_type(dataset), H5Tclose, "get a type");
  Elements elements{.kind = Elements::Kind::floating,
                    .size = H5Tget_size(type),
                    .big_endian = H5Tget_order(type) == H5T_ORDER_BE};
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      if (!is_ieee(type)) return std::nullopt;
      return elements;
    case H5T_INTEGER:
      if (H5Tget_precision(type) != 8 * elements.size) return std::nullopt;
      elements.kind = H5Tget_sign(type) == H5T_SGN_NONE
                          ? Elements::Kind::unsigned_integer
                          : Elements::Kind::integer;
      return elements;
    case H5T_ENUM:
      if (elements.size != 1 || H5Tget_nmembers(type) != 2) {
        return std::nullopt;
      }
      elements.kind = Elements::Kind::boolean;
      return elements;
    default:
      return std::nullopt;
  }
}

std::string describe_elements(const Handle& dataset) {
  const Handle type(H5Dget_type(dataset), H5Tclose, "get a type");
  switch (H5Tget_class(type)) {
    case H5T_FLOAT:
      return fmt::format(
          "floating-point numbers of {} bits that are not IEEE's",
          H5Tget_precision(type));
    case H5T_INTEGER:
      return fmt::format("integers of {} bits", H5Tget_precision(type));
    case H5T_STRING:
      return "texts";
    case H5T_COMPOUND:
      return is_complex(type)
                 ? "complex numbers"
                 : fmt::format("records of {} parts", H5Tget_nmembers(type));
    case H5T_VLEN:
      return "rows of different lengths";
    case H5T_REFERENCE:
      return "references to other objects";
    case H5T_ENUM:
      return "names of an enumeration";
    case H5T_OPAQUE:
      return "bytes of no type";
    default:
      return "something other than numbers";
  }
}

std::vector<std::uint64_t> extents(const Handle& dataset) {
  const Handle space(H5Dget_space(dataset), H5Sclose, "get a data space");
  const int rank = H5Sget_simple_extent_ndims(space);
  check(rank, "get a rank");
  std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
  check(H5Sget_simple_extent_dims(space, sizes.data(), nullptr),
        "get the size of an array");
  return {sizes.begin(), sizes.end()};
}

std::optional<std::uint64_t> offset_in_file(const Handle& dataset) {
  const Handle layout(H5Dget_create_plist(dataset), H5Pclose,
                      "get a property list");
  if (H5Pget_layout(layout) != H5D_CONTIGUOUS ||
      H5Pget_external_count(layout) > 0) {
    return std::nullopt;
  }
  const haddr_t offset = H5Dget_offset(dataset);
  if (offset == HADDR_UNDEF) return std::nullopt;
  return offset;
}

void read_all(const Handle& dataset, const Elements& elements, void* data) {
  const Handle type(H5Dget_type(dataset), H5Tclose, "get a type");
  const Handle memory_type = copy_of(type);
  if (elements.kind != Elements::Kind::boolean) {
    check(H5Tset_order(memory_type, H5T_ORDER_LE), "choose a byte order");
  }
  check(H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data),
        "read an array");
}

void write_text(const Handle& parent, const char* name,
                const std::string& text) {
  const Handle type = string_type(H5T_VARIABLE);
  const Handle layout(H5Pcreate(H5P_DATASET_CREATE), H5Pclose,
                      "make a property list");
  check(H5Pset_obj_track_times(layout, false), "turn off time stamps");
  const Handle dataset(H5Dcreate2(parent, name, type, scalar_space(),
                                  H5P_DEFAULT, layout, H5P_DEFAULT),
                       H5Dclose, "create a text");
  const char* data = text.c_str();
  check(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, &data),
        "write a text");
}

std::string read_text(const Handle& parent, const char* name) {
  const Handle dataset = open_dataset(parent, name);
  const Handle type(H5Dget_type(dataset), H5Tclose, "get a type");
  const Handle space(H5Dget_space(dataset), H5Sclose, "get a data space");
  if (!is_variable_text(type) || H5Sget_simple_extent_npoints(space) != 1) {
    throw Hdf5Error("a text has another type");
  }
  const Handle memory_type = string_type(H5T_VARIABLE);
  return take_text([&](void* text) {
    return H5Dread(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text);
  });
}

void write_attribute(const Handle& object, const std::string& name,
                     const std::string& text) {
  const Handle type = string_type(H5T_VARIABLE);
  const Handle attribute(H5Acreate2(object, name.c_str(), type, scalar_space(),
                                    H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose, "create an attribute");
  const char* data = text.c_str();
  check(H5Awrite(attribute, type, &data), "write an attribute");
}

void write_attribute(const Handle& object, const std::string& name, int value) {
  const Handle attribute(H5Acreate2(object, name.c_str(), H5T_STD_I32LE,
                                    scalar_space(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose, "create an attribute");
  check(H5Awrite(attribute, H5T_NATIVE_INT, &value), "write an attribute");
}

bool has_attribute(const Handle& object, const char* name) {
  const htri_t found = H5Aexists(object, name);
  check(found, "look up an attribute");
  return found > 0;
}

int read_int_attribute(const Handle& object, const char* name) {
  const Handle attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose,
                         "open an attribute");
  const Handle space(H5Aget_space(attribute), H5Sclose, "get a data space");
  if (H5Sget_simple_extent_npoints(space) != 1) {
    throw Hdf5Error("an attribute has not one value");
  }
  int value = 0;
  check(H5Aread(attribute, H5T_NATIVE_INT, &value), "read an attribute");
  return value;
}

std::vector<std::pair<std::string, std::string>> read_text_attributes(
    const Handle& object) {
  std::vector<std::pair<std::string, std::string>> texts;
  H5O_info_t info;
  check(H5Oget_info2(object, &info, H5O_INFO_NUM_ATTRS), "count attributes");
  for (hsize_t i = 0; i < info.num_attrs; ++i) {
    const Handle attribute(
        H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT,
                       H5P_DEFAULT),
        H5Aclose, "open an attribute");
    const Handle type(H5Aget_type(attribute), H5Tclose, "get a type");
    const Handle space(H5Aget_space(attribute), H5Sclose, "get a data space");
    if (!is_variable_text(type) || H5Sget_simple_extent_npoints(space) != 1) {
      continue;
    }
    const ssize_t size = H5Aget_name(attribute, 0, nullptr);
    if (size < 0) raise("name an attribute");
    std::string name(static_cast<std::size_t>(size), '\0');
    if (H5Aget_name(attribute, name.size() + 1, name.data()) != size) {
      raise("name an attribute");
    }
    const Handle memory_type = string_type(H5T_VARIABLE);
    texts.emplace_back(name, take_text([&](void* text) {
                         return H5Aread(attribute, memory_type, text);
                       }));
  }
  return texts;
}

}  // namespace cape::hdf5
