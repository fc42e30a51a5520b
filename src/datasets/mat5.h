/// MATLAB's MAT-file format of level 5, as far as arrays of unsigned bytes need
/// it: a header of 128 bytes, then an element a variable, mostly compressed.
/// https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/bytes.h"

namespace cape::datasets {

struct MatArray {
  std::vector<std::int64_t> shape;
  Bytes bytes;  ///< column-major: the first index runs fastest
};

/// The variables `names` of the file, arrays of real unsigned bytes, in that
/// order. No variable may unpack to more than `limit` bytes. Throws UserError:
/// not such a file (big-endian ones are none), truncated, a checksum that is
/// wrong, no such variable, or one of another type.
std::vector<MatArray> read_mat_arrays(const File& file,
                                      const std::vector<std::string>& names,
                                      std::size_t limit);

}  // namespace cape::datasets
