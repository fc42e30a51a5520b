/// The HDF5 C API as the farm uses it: handles that close themselves, errors as
/// exceptions that carry HDF5's own text. The only place that includes hdf5.h;
/// src/shard and src/datasets build on it.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

namespace cape::hdf5 {

/// An HDF5 call failed: what was being done, and the library's error stack.
class Hdf5Error : public Error {
 public:
  using Error::Error;
};

/// Owns one HDF5 id.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);

  /// Takes what an HDF5 call returned. Throws Hdf5Error when that failed.
  Handle(hid_t id, Closer closer, const char* action);
  ~Handle();
  Handle(Handle&& other) noexcept
      : id_(std::exchange(other.id_, H5I_INVALID_HID)),
        closer_(other.closer_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }

  operator hid_t() const { return id_; }

  /// Closes now and throws Hdf5Error when that fails.
  void close();

 private:
  hid_t id_;
  Closer closer_;
};

/// Throws Hdf5Error when an HDF5 call returned a negative status.
void check(herr_t status, const char* action);

// Files.

/// An empty file that lives in memory only.
Handle create_in_memory();
/// The bytes that a file in memory would have on disk.
std::string file_image(const Handle& file);
Handle open_to_read(const std::filesystem::path& path);
/// The file of these `size` bytes, which are copied.
Handle open_in_memory(const void* bytes, std::size_t size);
/// Where HDF5 sees the end of the file. More bytes may follow.
std::uint64_t content_size(const Handle& file);
/// Tries `body`, which reads a file of that many bytes, in another process,
/// since HDF5 crashes or hangs on some damaged files. Returns what became of
/// it, and nothing when it returns or throws (core/run_in_child.h).
std::optional<std::string> read_in_child(std::uint64_t bytes,
                                         const std::function<void()>& body);
Handle create_group(const Handle& parent, const char* name);
bool exists(const Handle& parent, const char* name);

// Types.

/// UTF-8, in `size` bytes padded with NUL, or H5T_VARIABLE.
Handle string_type(std::size_t size);
/// The int8 enum FALSE, TRUE, which h5py reads as bool.
Handle bool_type();

/// A copy of one of HDF5's own types.
Handle copy_of(hid_t type);

struct Member {
  std::string name;
  std::size_t offset;
  Handle type;
};
/// A struct of `size` bytes in memory.
Handle compound_type(std::size_t size, const std::vector<Member>& members);
/// The same struct without gaps between its members, as it is stored.
Handle packed(const Handle& compound);

// Datasets: one-dimensional, chunked, shuffled, deflated, growing at the end.

Handle create_table(const Handle& parent, const char* name,
                    const Handle& stored_type, std::size_t chunk_length);
/// Whether there is a dataset at the path `name`.
bool is_dataset(const Handle& file, const char* name);
/// The paths of all datasets of the file, "/GROUP/NAME", without those that
/// MATLAB keeps for itself ("/#refs#").
std::vector<std::string> dataset_names(const Handle& file);
/// Throws Hdf5Error also for a dataset that is not entirely in this file, that
/// would need more memory or time than its stored bytes can justify, or whose
/// chunks went through a filter that is missing here.
Handle open_dataset(const Handle& parent, const char* name);
std::uint64_t length(const Handle& dataset);
/// `memory_type` describes the elements at `data`.
void append(const Handle& dataset, hid_t memory_type, std::size_t count,
            const void* data);
/// Elements [first, first + count), which must exist.
void read(const Handle& dataset, hid_t memory_type, std::uint64_t first,
          std::size_t count, void* data);

// Arrays of numbers of any rank, written by any program.

/// How the elements of an array of numbers are stored.
struct Elements {
  enum class Kind { integer, unsigned_integer, floating, boolean };
  Kind kind;
  std::size_t size;  ///< bytes
  bool big_endian;
};
/// Nothing if the elements are no numbers of a usual form: integers of whole
/// bytes, IEEE's floating-point numbers. h5py's enum counts as a boolean.
std::optional<Elements> elements_of(const Handle& dataset);
/// What elements are for which elements_of has nothing: "texts".
std::string describe_elements(const Handle& dataset);
std::vector<std::uint64_t> extents(const Handle& dataset);
/// Where in the file the elements are stored one after the other, unchanged.
/// Nothing if they are compressed, in chunks, or not stored at all.
std::optional<std::uint64_t> offset_in_file(const Handle& dataset);
/// All elements, little-endian, of the type and size that they have in the
/// file.
void read_all(const Handle& dataset, const Elements& elements, void* data);

// Single texts and numbers.

void write_text(const Handle& parent, const char* name,
                const std::string& text);
std::string read_text(const Handle& parent, const char* name);
void write_attribute(const Handle& object, const std::string& name,
                     const std::string& text);
void write_attribute(const Handle& object, const std::string& name, int value);
bool has_attribute(const Handle& object, const char* name);
int read_int_attribute(const Handle& object, const char* name);
/// The text attributes of an object, in the order of their names.
std::vector<std::pair<std::string, std::string>> read_text_attributes(
    const Handle& object);

}  // namespace cape::hdf5
