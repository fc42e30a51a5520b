/// The .npy format of NumPy: a magic number, a version, a Python dictionary
/// with element type, order and shape, and the elements.
/// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include "datasets/array.h"

namespace cape::datasets {

/// Versions 1 to 3; numbers and booleans in C order. Throws UserError with the
/// file, what was expected and what was found.
Array parse_npy(const File& file);

}  // namespace cape::datasets
