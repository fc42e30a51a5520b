/// The files of a data set, from a folder or an archive.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "datasets/registry.h"

namespace cape::datasets {

/// Those of `layout.files` that exist at `place` (a folder, or one of the
/// layout's archives), in that order, unpacked. Plain files of a folder are
/// mapped. Throws UserError, which names the file: unreadable, damaged, or
/// larger than the largest official one.
std::vector<File> read_files(const Layout& layout,
                             const std::filesystem::path& place);

/// Converts a label of the files to ours, which begin with 0. Throws UserError
/// when the data set has no such label.
std::uint8_t checked_label(const KnownDataset& known, const std::string& file,
                           std::int64_t sample, std::int64_t label);

}  // namespace cape::datasets
