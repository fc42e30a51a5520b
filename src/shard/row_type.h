/// How a Row lies in memory, in HDF5's words. Private to this folder.
#pragma once

#include "hdf5/hdf5.h"
#include "shard/schema.h"

namespace cape::shard {

/// One column's type, as stored and as it lies in Row.
hdf5::Handle column_type(const Column& column);

/// The compound type of Row; hdf5::packed() of it is what /trials stores.
hdf5::Handle row_type();

}  // namespace cape::shard
