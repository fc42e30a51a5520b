/// Merged rows as one shard.
#pragma once

#include <filesystem>

#include "shard/merge.h"

namespace cape::shard {

/// Writes all rows and their loss curves into one shard. Of the sources' root
/// attributes and configurations it keeps what is the same in all of them.
/// Throws StoppedError when the file cannot be written, UserError when a source
/// has changed since it was merged.
void export_shard(const MergedTable& table, const std::filesystem::path& path);

}  // namespace cape::shard
