/// The .npz format of NumPy: a zip file of .npy files, compressed or not.
/// https://numpy.org/doc/stable/reference/generated/numpy.savez.html
#pragma once

#include <string>

#include "datasets/array.h"

namespace cape::datasets {

/// The array `name` (with or without .npy), or the only array if `name` is
/// empty. Throws UserError where there is no such array (with the names of
/// those that there are), or where the file is damaged.
Array parse_npz(const File& file, const std::string& name);

}  // namespace cape::datasets
