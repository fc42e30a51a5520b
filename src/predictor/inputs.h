/// What cape_fit reads, as it fits it and as it tells people.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "predictor/meta_table.h"
#include "shard/merge.h"

namespace cape {

/// What one file contributed: the rows left when duplicates are taken out.
struct InputSummary {
  std::filesystem::path path;
  std::int64_t rows = 0;
  std::int64_t censored = 0;
  std::vector<std::string> families;  ///< sorted
  std::vector<std::string> datasets;  ///< sorted
};

/// The rows in the order of the merged table, which does not depend on how they
/// are spread over files: so neither does a model fitted on them. Throws
/// UserError when there is none, with the files that could not be read.
MetaTable meta_table(const shard::MergedTable& merged);

/// A summary a file, in the order they were read.
std::vector<InputSummary> summarise(const shard::MergedTable& merged);

/// Sentences on duplicates, conflicts and unreadable files.
std::vector<std::string> warnings_of(const shard::MergeReport& report);

}  // namespace cape
