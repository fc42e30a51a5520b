/// Many shards as one table without duplicates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "shard/row_filter.h"
#include "shard/schema.h"

namespace cape::shard {

/// What merging met.
struct MergeReport {
  struct Unreadable {
    std::filesystem::path path;
    std::string reason;
  };
  std::int64_t files = 0;       ///< read
  std::int64_t rows_read = 0;   ///< in them
  std::int64_t duplicates = 0;  ///< dropped, because their key had a row
  std::int64_t filtered = 0;    ///< that do not match the filters
  std::int64_t superseded = 0;  ///< dropped, because its row has a newer probe
  std::vector<std::string> conflicts;     ///< keys whose rows differ
  std::vector<Unreadable> unreadable;     ///< shards that were left alone
  std::set<std::string> unknown_columns;  ///< of newer programs, skipped
  /// Conditions COLUMN!=VALUE with a value that no row has.
  std::vector<std::string> idle_filters;
};

/// Rows with different keys, sorted by (family, dataset, learning_rate,
/// batch_size, epsilon, trial, key). Takes about 450 bytes a row.
class MergedTable {
 public:
  /// Reads shards, folders (the shards directly in them) and CSV files (*.csv
  /// or
  /// *.csv.gz, published or exported). Of the rows of one key the one with the
  /// newest probe stays; of those the first by compare_content. Rows that
  /// differ in it are conflicts. A shard that cannot be read is reported, not
  /// thrown; an input that does not exist, a folder without shards and a CSV
  /// file that cannot be read are UserErrors. Only rows that match all of
  /// `filters` are taken.
  explicit MergedTable(const std::vector<std::filesystem::path>& inputs,
                       std::vector<RowFilter> filters = {});

  MergedTable(MergedTable&&) = default;
  MergedTable& operator=(MergedTable&&) = default;

  std::size_t size() const { return order_.size(); }
  const Row& row(std::size_t index) const { return rows_[order_[index]].row; }
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
  struct SourcedRow {
    Row row;
    std::uint32_t source;  ///< index in sources_
  };

  void read_input(const std::filesystem::path& input);
  void read_shard(const std::filesystem::path& path);
  void add(const Row& row);
  std::uint32_t pick(std::span<const std::uint32_t> same_key);
  void drop_duplicates();
  void sort();

  std::vector<RowFilter> filters_;
  std::vector<std::int64_t> filtered_by_;  ///< rows, of each filter
  std::vector<std::filesystem::path> sources_;
  std::vector<SourcedRow> rows_;
  std::vector<std::uint32_t> order_;
  MergeReport report_;
};

}  // namespace cape::shard
