/// Many shards as one table without duplicates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "shard/schema.h"

namespace cape::shard {

/// What merging met.
struct MergeReport {
  struct Unreadable {
    std::filesystem::path path;
    std::string reason;
  };
  std::int64_t files = 0;              ///< read
  std::int64_t rows_read = 0;          ///< in them
  std::int64_t duplicates = 0;         ///< dropped, because their key had a row
  std::vector<std::string> conflicts;  ///< keys whose rows differ
  std::vector<Unreadable> unreadable;  ///< shards that were left alone
};

/// Rows with different keys, sorted by (family, dataset, learning_rate,
/// batch_size, epsilon, trial, key). Takes about 300 bytes a row: texts that
/// repeat are kept once.
class MergedTable {
 public:
  /// Reads shards, folders (the shards directly in them) and published CSV
  /// files (*.csv). Rows of one key that differ in a non-volatile column are
  /// conflicts; the one that is first by compare_content stays. A shard that
  /// cannot be read is reported, not thrown; an input that does not exist, a
  /// folder without shards and a CSV file that cannot be read are UserErrors.
  explicit MergedTable(const std::vector<std::filesystem::path>& inputs);

  MergedTable(MergedTable&&) = default;
  MergedTable& operator=(MergedTable&&) = default;

  std::size_t size() const { return order_.size(); }
  Row row(std::size_t index) const { return unpack(rows_[order_[index]]); }
  /// The file that a row came from; its curve_offset counts there.
  const std::filesystem::path& source(std::size_t index) const {
    return sources_[source_index(index)];
  }
  /// That file's place in sources().
  std::size_t source_index(std::size_t index) const {
    return rows_[order_[index]].source;
  }
  const std::vector<std::filesystem::path>& sources() const { return sources_; }
  const MergeReport& report() const { return report_; }

 private:
  // A Row is keys, then texts that whole groups of rows share, then the rest.
  static constexpr std::size_t kTextsBegin = offsetof(Row, family);
  static constexpr std::size_t kTextsEnd = offsetof(Row, learning_rate);

  struct PackedRow {
    std::array<char, kTextsBegin> keys;
    std::array<char, sizeof(Row) - kTextsEnd> rest;
    std::uint32_t texts;   ///< index in texts_
    std::uint32_t source;  ///< index in sources_
  };

  void read_input(const std::filesystem::path& input);
  void read_shard(const std::filesystem::path& path);
  void add(const Row& row);
  Row unpack(const PackedRow& packed) const;
  std::uint32_t pick(std::span<const std::uint32_t> same_key);
  void drop_duplicates();
  std::vector<std::uint32_t> text_ranks() const;
  void sort();

  std::vector<std::filesystem::path> sources_;
  std::vector<PackedRow> rows_;
  std::unordered_map<std::string, std::uint32_t> text_index_;
  std::vector<const std::string*> texts_;  ///< keys of text_index_
  std::vector<std::uint32_t> order_;
  MergeReport report_;
};

}  // namespace cape::shard
