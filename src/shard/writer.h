/// Builds shards in memory and publishes them atomically.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shard/schema.h"

namespace cape::shard {

/// What a shard says about the run that wrote it: root attributes, in order,
/// and the expanded configuration.
struct Provenance {
  std::vector<std::pair<std::string, std::string>> attributes;
  std::string config_yaml;
};

/// The bytes of a whole HDF5 file with these rows and curves.
std::string shard_image(std::span<const Row> rows, std::span<const float> curves,
                        const Provenance& provenance);

/// The shards of one rank, as a growing series of files
/// "<directory>/<prefix>-<seq>.h5". Rows are kept until they are published;
/// the current file is rewritten by each flush until it is full.
class ShardWriter {
 public:
  struct Options {
    std::filesystem::path directory;
    std::string prefix;  ///< "<name>-<part>-<run id>-r<rank>"
    std::int64_t rows_per_shard = 5000;
    std::int64_t bytes_per_shard = 8'000'000;
    Provenance provenance;
  };

  explicit ShardWriter(Options options);

  /// Adds the rows of one trajectory with its losses (empty: none kept); sets
  /// their curve_offset and curve_length. A trajectory never spans two files.
  void add(std::vector<Row> rows, std::span<const float> losses);

  /// Publishes what has been added. Throws StoppedError and keeps the rows when
  /// that fails, so that it can be tried again.
  void flush();

  std::int64_t unpublished_rows() const;

 private:
  // Yours to design.
};

}  // namespace cape::shard
