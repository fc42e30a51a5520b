/// Merged rows as a CSV file (RFC 4180).
#pragma once

#include <filesystem>

#include "shard/merge.h"

namespace cape::shard {

/// Writes the non-volatile columns, a header first: numbers such that reading
/// them back gives the same bits, NaN as an empty field, booleans as True and
/// False. The same set of rows gives the same bytes whatever files they came
/// from. Throws StoppedError when the file cannot be written.
void export_csv(const MergedTable& table, const std::filesystem::path& path);

}  // namespace cape::shard
