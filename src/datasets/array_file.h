/// Arrays in files of any known format. The content of a file tells its format,
/// whatever its name.
#pragma once

#include <string>
#include <vector>

#include "datasets/array.h"

namespace cape::datasets {

/// The formats that hold arrays: npy, npz, idx, hdf5 and mat.
const std::vector<std::string>& array_formats();

struct StoredArray {
  Array array;
  std::string format;
  std::string note = {};  ///< what the user should know; often empty
};

/// Reads the array at `place`: a file, or FILE:NAME where a file holds several
/// (npz, HDF5, MATLAB). A file of one array needs no name. Any file may be
/// gzip-compressed as a whole. A plain one is mapped, so that processes share
/// it. Throws UserError, which names the file: unreadable, damaged, of an
/// unknown format, or without that array (with the names of those it has).
StoredArray read_array_file(const std::string& place);

/// A file of the user's own, mapped, or inflated if it is gzip. Throws
/// UserError, which names the file: unreadable or damaged.
File open_own_file(const std::string& path);

/// `wanted` if it is one of `names`, or the only name if `wanted` is empty.
/// Throws UserError, which names `file` and the names.
std::string choose_array(const std::string& file, const std::string& wanted,
                         const std::vector<std::string>& names);

}  // namespace cape::datasets
