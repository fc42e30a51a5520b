/// MATLAB's MAT-file format of level 5, as far as it is needed for arrays of
/// unsigned bytes: a header of 128 bytes, then one element for each variable,
/// usually compressed.
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

/// The variables `names` of the file in that order, which must be arrays of
/// real unsigned bytes. No variable may unpack to more than `limit` bytes.
/// Throws UserError for a file in another format (also a big-endian one), a
/// truncated file, a wrong checksum, a missing variable, or one of another
/// type.
std::vector<MatArray> read_mat_arrays(const File& file,
                                      const std::vector<std::string>& names,
                                      std::size_t limit);

}  // namespace cape::datasets
