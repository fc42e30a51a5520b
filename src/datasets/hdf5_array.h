/// Arrays in HDF5 files, as h5py writes them.
#pragma once

#include <string>

#include "datasets/array.h"

namespace cape::datasets {

/// The array at `place`, "FILE:/GROUP/DATASET". An array that is stored
/// contiguously is mapped; a compressed or chunked one is read into memory.
/// Throws UserError when there is no such file or array, or when its elements
/// are no numbers.
Array read_hdf5_array(const std::string& place);

}  // namespace cape::datasets
