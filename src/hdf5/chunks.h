/// Reading tables past HDF5's filters: libdeflate inflates in a third of the
/// time. Private to this folder.
#pragma once

#include <cstdint>

#include "hdf5/hdf5.h"

namespace cape::hdf5 {

/// As read() does; false where the table is not stored as create_table stores
/// one, is damaged, or `first` is not the beginning of a chunk: then HDF5 is to
/// read it, or to say what is wrong.
bool read_chunks(const Handle& dataset, hid_t memory_type, std::uint64_t first,
                 std::size_t count, void* data);

}  // namespace cape::hdf5
