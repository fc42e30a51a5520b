/// What cape_fit reads: shards, folders of shards and published CSV files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "predictor/meta_table.h"

namespace cape {

/// What one file held, before duplicates were taken out.
struct InputSummary {
  std::filesystem::path path;
  std::int64_t rows = 0;
  std::int64_t censored = 0;
  std::vector<std::string> families;  ///< sorted
  std::vector<std::string> datasets;  ///< sorted
};

struct Inputs {
  MetaTable
      table;  ///< a row a key, in an order that the files' does not change
  std::vector<InputSummary> files;
  std::vector<std::string> warnings;  ///< unreadable files, conflicting rows
};

}  // namespace cape
