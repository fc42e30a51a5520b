/// Arrays in HDF5 files, as h5py writes them.
#pragma once

#include <string>

#include "datasets/array.h"

namespace cape::datasets {

/// The array at `place`, "FILE:/GROUP/DATASET". One that lies in the file as it
/// is is mapped; a compressed or chunked one is read into memory. Throws
/// UserError: no such file or array, or of elements that are no numbers.
Array read_hdf5_array(const std::string& place);

}  // namespace cape::datasets
