/// MATLAB's MAT-file format of level 5, as far as it is needed for arrays of
/// numbers: a header of 128 bytes, then one element for each variable, usually
/// compressed. MATLAB's save -v6 and -v7 and scipy.io.savemat write it.
/// https://www.mathworks.com/help/pdf_doc/matlab/matfile_format.pdf
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "datasets/array.h"

namespace cape::datasets {

struct MatVariable {
  std::string name;
  /// In the shape that MATLAB shows, elements column by column: the first index
  /// runs fastest. The shape may say another number of elements than there are.
  /// Nothing where the variable is no array of real numbers.
  std::optional<Array> array;
  /// What it is then, and what to do in MATLAB, for messages.
  std::string kind = {};
};

/// Whether a file of these bytes is one.
bool is_mat5(const Bytes& bytes);

/// Whether a file of these bytes is one of level 4, which is not read: save -v4
/// of a little-endian machine. It has no signature; its first bytes are
/// numbers.
bool is_mat4(const Bytes& bytes);

/// All variables of the file that have a name. None may unpack to more than
/// `limit` bytes. Throws UserError for a file in another format (also a
/// big-endian one), a truncated file or a wrong checksum.
std::vector<MatVariable> read_mat5(const File& file, std::size_t limit);

/// The variable `name`, or the only one of numbers if `name` is empty, row by
/// row. Throws UserError as read_mat5 does, and where there is no such variable
/// (with the names of those that there are).
Array parse_mat5(const File& file, const std::string& name, std::size_t limit);

}  // namespace cape::datasets
