/// Builds shards in memory and publishes them atomically.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "shard/curve.h"
#include "shard/provenance.h"
#include "shard/schema.h"

namespace cape::shard {

/// The bytes of a whole shard with these rows and curves: docs/shard_format.md.
std::string shard_image(std::span<const Row> rows, const Curve& curves,
                        const Provenance& provenance);

/// Of the HDF5 library: "1.10.8".
std::string hdf5_version();

/// The shards of one rank, as a growing series of files
/// "<directory>/<prefix>-<seq>.h5", seq from 0000. Rows are kept until they
/// are published; the last file is rewritten by each flush until it is full.
class ShardWriter {
 public:
  struct Options {
    std::filesystem::path directory;
    std::string prefix;  ///< "<name>-<part>-<run id>-r<rank>"
    std::int64_t rows_per_shard = 5000;
    std::int64_t bytes_per_shard = 8'000'000;  ///< uncompressed
    Provenance provenance;
  };

  explicit ShardWriter(Options options);

  /// Adds the rows of one trajectory with its curves; sets where they are. A
  /// trajectory never spans two files; one that is larger than a file has one
  /// of its own.
  void add(std::vector<Row> rows, const Curves& curves);

  /// Publishes what has been added. Throws StoppedError and keeps the rows when
  /// that fails, so that it can be tried again.
  void flush();

  std::int64_t unpublished_rows() const;

  /// Memory that is held until the next flush succeeds.
  std::int64_t unpublished_bytes() const;

 private:
  struct File {
    std::int64_t sequence = 0;
    std::vector<Row> rows;
    Curve curves;
    std::size_t published_rows = 0;
  };

  static std::size_t size_of(const File& file);
  bool has_room(const File& file, std::size_t rows, std::size_t losses) const;
  void publish(File& file) const;

  Options options_;
  /// The last one still grows; those before it wait for their last flush.
  std::deque<File> files_;
};

}  // namespace cape::shard
