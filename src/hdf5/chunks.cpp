#include "hdf5/chunks.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "core/inflate.h"

namespace cape::hdf5 {
namespace {

/// How many elements a chunk of the dataset has. Nothing if the dataset has
/// several dimensions, or is not shuffled by elements of `size` bytes and then
/// deflated.
std::optional<std::size_t> shuffled_chunk_length(const Handle& dataset,
                                                 std::size_t size) {
  const Handle layout(H5Dget_create_plist(dataset), H5Pclose, "get a layout");
  hsize_t length = 0;
  if (H5Pget_layout(layout) != H5D_CHUNKED ||
      H5Pget_chunk(layout, 1, &length) != 1 || length == 0 ||
      H5Pget_nfilters(layout) != 2) {
    return std::nullopt;
  }
  unsigned flags = 0;
  unsigned values[1] = {};
  std::size_t count = 1;
  const auto filter = [&](unsigned place) {
    return H5Pget_filter2(layout, place, &flags, &count, values, 0, nullptr,
                          nullptr);
  };
  if (filter(0) != H5Z_FILTER_SHUFFLE || count != 1 || values[0] != size ||
      filter(1) != H5Z_FILTER_DEFLATE) {
    return std::nullopt;
  }
  return length;
}

/// Inflates the chunk that begins with element `first` into `chunk`, which has
/// the size of the chunk.
bool inflate_chunk(const Handle& dataset, hsize_t first, Inflater& inflater,
                   std::vector<std::uint8_t>& stored,
                   std::span<std::uint8_t> chunk) {
  hsize_t size = 0;
  if (H5Dget_chunk_storage_size(dataset, &first, &size) < 0 || size == 0 ||
      size > 2 * chunk.size() + 64) {
    return false;
  }
  stored.resize(size);
  std::uint32_t skipped_filters = 0;
  if (H5Dread_chunk(dataset, H5P_DEFAULT, &first, &skipped_filters,
                    stored.data()) < 0 ||
      skipped_filters != 0) {
    return false;
  }
  const auto [status, used, produced] =
      inflater.inflate(Inflater::Format::zlib, stored, chunk);
  return status == Inflater::Status::done && produced == chunk.size();
}

/// Restores the first `count` of `length` elements of `size` bytes from
/// shuffled bytes: first come the first bytes of all elements, then their
/// second bytes, and so on. Most texts are shorter than their columns, so many
/// of these groups of bytes are all 0; those are not copied one by one.
void unshuffle(std::span<const std::uint8_t> chunk, std::size_t length,
               std::size_t size, std::size_t count, std::uint8_t* elements) {
  std::memset(elements, 0, count * size);
  for (std::size_t b = 0; b < size; ++b) {
    const std::uint8_t* const bytes = chunk.data() + b * length;
    if (bytes[0] == 0 && std::memcmp(bytes, bytes + 1, count - 1) == 0) {
      continue;
    }
    for (std::size_t e = 0; e < count; ++e) elements[e * size + b] = bytes[e];
  }
}

}  // namespace

bool read_chunks(const Handle& dataset, hid_t memory_type, std::uint64_t first,
                 std::size_t count, void* data) {
  const Handle stored_type(H5Dget_type(dataset), H5Tclose, "get a type");
  if (H5Tequal(stored_type, memory_type) <= 0) return false;
  const std::size_t size = H5Tget_size(stored_type);
  const auto length = shuffled_chunk_length(dataset, size);
  if (!length || first % *length != 0) return false;
  Inflater inflater;
  std::vector<std::uint8_t> stored;
  std::vector<std::uint8_t> chunk(*length * size);
  auto* elements = static_cast<std::uint8_t*>(data);
  for (std::size_t done = 0; done < count;) {
    if (!inflate_chunk(dataset, first + done, inflater, stored, chunk)) {
      return false;
    }
    const std::size_t here = std::min(*length, count - done);
    unshuffle(chunk, *length, size, here, elements);
    elements += here * size;
    done += here;
  }
  return true;
}

}  // namespace cape::hdf5
