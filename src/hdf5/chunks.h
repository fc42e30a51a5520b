/// Reads tables without HDF5's filters: libdeflate inflates in a third of the
/// time. Private to this folder.
#pragma once

#include <cstdint>

#include "hdf5/hdf5.h"

namespace cape::hdf5 {

/// Does what read() does. Returns false where the table is not stored in the
/// way in which create_table stores one, where it is damaged, or where `first`
/// is not the beginning of a chunk. Then HDF5 must read it, or say what is
/// wrong.
bool read_chunks(const Handle& dataset, hid_t memory_type, std::uint64_t first,
                 std::size_t count, void* data);

}  // namespace cape::hdf5
