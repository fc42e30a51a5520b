/// Arrays in HDF5 files, as h5py and MATLAB (save -v7.3) write them.
#pragma once

#include <string>

#include "datasets/array.h"

namespace cape::datasets {

struct Hdf5Array {
  Array array;
  bool from_matlab = false;  ///< then it was turned round to MATLAB's shape
};

/// The array `name` of `file` ("/GROUP/DATASET", the first slash may be left
/// out), or its only array if `name` is empty. `on_disk` says that the bytes
/// are those of the file at the path file.name. Then they are not copied, and
/// an array that is stored contiguously is a part of them; a compressed,
/// chunked or turned one is read into memory. Throws UserError when there is no
/// such array (with the names of those that there are), when its elements are
/// no numbers, or when a filter that packed it is missing.
Hdf5Array read_hdf5_array(const File& file, bool on_disk,
                          const std::string& name);

}  // namespace cape::datasets
